import { createHash, createSign, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createCallbackApp } from '#functions/callback/callback-app.ts'
import { signingKey } from '#scripts/emulator/wechat-pay/account.ts'
import { noticeBody } from '#scripts/emulator/wechat-pay/notify.ts'
import { pushRequest } from '#scripts/emulator/wechat/push-request.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import type { App } from '#shared/http/app.ts'
import type { Dialect } from '#shared/db/database.ts'
import type { InboxRow } from '#shared/db/tables/inbox.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { secret } from '#shared/secret.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { createSignatureCheck } from '#shared/signing/signature-check.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import { signWebhook } from '#shared/signing/webhook.ts'
import { readNotification } from '#shared/wechat-pay/notification.ts'
import { verifyMessage } from '#shared/wechat-pay/verify-message.ts'
import { createMessagePush } from '#shared/wechat/message-push.ts'
import { PushQuery } from '#shared/wechat/message-push-query.ts'
import * as v from 'valibot'
import { testInvocation } from '#tests/invocation.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required } from '#tests/services/servers.ts'
import { APP_ID } from '#tests/wechat-pay/stand-in.ts'

const never = new AbortController().signal
const keys = generateSecrets()
const partnerKeys = parsePartnerKeys(keys.PARTNER_KEYS)
const partner = required(partnerKeys.all[0])
const { WECHAT_PUSH_TOKEN: token, WECHAT_PUSH_AES_KEY: encodingAesKey } = keys
const ORIGIN = 'http://api.example.com'

describe('the inbox on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'the inbox on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let shop: Shop
  let app: App
  beforeAll(async () => {
    shop = await startShop({ dialect })
    const { parts } = shop.backend
    const quiet = { tell: async () => {}, deliver: async () => {} }
    const { mchId, apiKey } = shop.pay.standIn.account
    app = createCallbackApp({
      ...parts,
      partnerKeys,
      pushToken: secret(token),
      pushAesKey: secret(encodingAesKey),
      takeMediaVerdict: async () => async () => {},
      payments: { mchId, platformKeys: shop.pay.platformKeys, apiKey: secret(apiKey), ...quiet },
      partners: quiet,
    })
  })
  afterAll(() => shop?.close())
  beforeEach(() => {
    shop.backend.log.length = 0
  })

  async function send(request: Request) {
    const response = await app.fetch(request, testInvocation({ deadline: shop.backend.now() + 10_000 }))
    return { status: response.status, text: await response.text() }
  }

  async function rowsOf(dedupeKey: string): Promise<InboxRow[]> {
    const sql = await shop.backend.database.sql()
    return sql.selectFrom('inbox').selectAll().where('dedupe_key', '=', dedupeKey).execute()
  }

  const logged = (event: string) =>
    shop.backend.log.map((line) => JSON.parse(line)).filter((line) => line.event === event)

  /** The request that a row was made of, as far as it is kept. */
  function keptRequest({ body, proof }: InboxRow) {
    const { method, url, headers } = JSON.parse(proof ?? '')
    const bytes = Buffer.from(body, 'base64')
    return { bytes, headers, request: new Request(url, { method, headers, body: bytes }) }
  }

  interface Told {
    readonly id?: string
    readonly eventType?: string
    /** What else the notification says of its order. */
    readonly says?: object
  }

  /** What WeChat Pay says of an order. */
  function transaction(no: string): Readonly<Record<string, unknown>> {
    return {
      appid: APP_ID,
      mchid: shop.pay.standIn.account.mchId,
      out_trade_no: no,
      transaction_id: '4200000001',
      trade_state: 'SUCCESS',
      success_time: '2026-11-23T20:00:00+08:00',
      amount: { total: 100, currency: 'CNY' },
    }
  }

  function notice(no: string, told: Told = {}) {
    const { id = randomUUID(), eventType = 'TRANSACTION.SUCCESS', says } = told
    const resource = { ...transaction(no), ...says }
    const text = noticeBody(shop.pay.standIn.account, { id, eventType, resource }, shop.backend.now())
    return { id, text, request: notification(Buffer.from(text)) }
  }

  /** A body with WeChat Pay's signature, and a header that is none of its. */
  function notification(body: Buffer): Request {
    const key = signingKey(shop.pay.standIn.account)
    const [timestamp, nonce] = [String(Math.floor(shop.backend.now() / 1_000)), randomUUID()]
    const signer = createSign('RSA-SHA256').update(`${timestamp}\n${nonce}\n`).update(body).update('\n')
    const headers = {
      'content-type': 'application/json',
      'x-forwarded-for': '198.51.100.7',
      'wechatpay-serial': key.serial,
      'wechatpay-signature': signer.sign(key.privateKey, 'base64'),
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': nonce,
    }
    return new Request(`${ORIGIN}/api/v1/callback/wechat-pay`, { method: 'POST', headers, body })
  }

  const stateOf = async (no: string): Promise<string> => (await shop.find(no)).status

  test('keeps a notification as it came, with what it is verified and opened by again', async () => {
    const no = await shop.placed()
    const { id, text, request } = notice(no)

    const { status } = await send(request)
    const [row, ...others] = await rowsOf(id)

    const { bytes, headers } = keptRequest(required(row))
    const { platformKeys, standIn } = shop.pay
    verifyMessage({ keys: platformKeys, clock: shop.backend.now }, new Headers(headers), bytes)
    const opened = readNotification(secret(standIn.account.apiKey), bytes)
    expect([status, others]).toEqual([204, []])
    expect(bytes.toString()).toBe(text)
    expect(opened).toMatchObject({ id, kind: 'payment', transaction: { out_trade_no: no } })
    expect(row?.payload_hash).toBe(
      createHash('sha256')
        .update('said' in opened ? opened.said : '')
        .digest('hex'),
    )
    expect(headers).not.toHaveProperty('x-forwarded-for')
  })

  test('keeps bytes that are no text as they came', async () => {
    const no = await shop.placed()
    const { id, text } = notice(no)
    const [before = '', after = ''] = text.split('"summary":"TRANSACTION.SUCCESS"')
    const body = Buffer.concat([
      Buffer.from(`${before}"summary":"`),
      Buffer.from([0xff, 0xfe, 0xc3]),
      Buffer.from(`"${after}`),
    ])

    const { status } = await send(notification(body))
    const [row] = await rowsOf(id)

    expect(status).toBe(204)
    expect(keptRequest(required(row)).bytes.equals(body)).toBe(true)
    expect(await stateOf(no)).toBe('paid')
  })

  test('knows a notification that comes sealed and signed anew', async () => {
    const no = await shop.placed()
    const first = notice(no)
    const again = notice(no, { id: first.id })

    const answers = [await send(first.request), await send(again.request)]

    expect(again.text).not.toBe(first.text)
    expect(answers.map(({ status }) => status)).toEqual([204, 204])
    expect(await rowsOf(first.id)).toHaveLength(1)
    expect(logged('inbox.known')).toHaveLength(1)
  })

  test('refuses another notification under a known id, and names it in one warning', async () => {
    const [no, other] = [await shop.placed(), await shop.placed()]
    const first = notice(no)
    await send(first.request)
    const before = await rowsOf(first.id)

    const { status, text } = await send(notice(other, { id: first.id }).request)

    expect([status, JSON.parse(text).code]).toEqual([409, 'FAIL'])
    expect([await stateOf(no), await stateOf(other)]).toEqual(['paid', 'paying'])
    expect(await rowsOf(first.id)).toEqual(before)
    expect(logged('inbox.key_reused')).toMatchObject([
      { level: 'warn', source: 'wechat-pay', dedupeKey: first.id, requestId: 'test-request' },
    ])
    expect(logged('callback.refused')).toMatchObject([{ source: 'wechat-pay', reason: 'key_reused' }])
  })

  test.each([
    ['a payment without an amount', { says: { amount: undefined } }],
    ['an order that nobody has paid', { says: { trade_state: 'NOTPAY' } }],
    ['an order that is closed', { says: { trade_state: 'CLOSED' } }],
    [
      'a refund under way',
      {
        eventType: 'REFUND.PROCESSING',
        says: {
          out_refund_no: 'r1',
          refund_id: '50',
          refund_status: 'PROCESSING',
          amount: { total: 100, refund: 1 },
        },
      },
    ],
  ])('keeps the news of %s, which changes nothing', async (_, told) => {
    const no = await shop.placed()
    const { id, text, request } = notice(no, told)

    const { status } = await send(request)
    const rows = await rowsOf(id)

    expect(status).toBe(204)
    expect(rows.map((row) => keptRequest(row).bytes.toString())).toEqual([text])
    expect(await stateOf(no)).toBe('paying')
  })

  describe('of partners', () => {
    const path = `/api/v1/callback/${partner.partner}`

    function message(id: string, data: unknown = {}): Request {
      const body = JSON.stringify({ id, type: 'goods.sent', data })
      const headers = { 'content-type': 'application/json', host: 'api.example.com' }
      return new Request(`${ORIGIN}${path}`, { method: 'POST', headers, body })
    }

    const signedWith: Readonly<Record<string, (request: Request, id: string) => Promise<Request>>> = {
      'X-Signature': (request) => signRequest(request, { ...partner, clock: shop.backend.now }),
      'the headers of a webhook': (request, id) =>
        signWebhook(request, { ...partner, id, clock: shop.backend.now }),
    }

    test.each(Object.entries(signedWith))(
      'keeps what nothing is done about, too, with %s',
      async (_, sign) => {
        const id = randomUUID()
        const text = await message(id).text()

        const { status } = await send(await sign(message(id), id))
        const [row] = await rowsOf(id)

        const { bytes, request } = keptRequest(required(row))
        const check = createSignatureCheck({
          masters: parseKeyring(keys.SIGNING_KEYS),
          appId: APP_ID,
          partners: partnerKeys,
          nonces: { use: async () => true },
          clock: shop.backend.now,
          publicHosts: [],
          publicBasePath: '',
          explain: false,
        })
        const call = {
          request,
          body: async () => bytes,
          session: async () => undefined,
          demand: 'partner',
        } as const
        expect(status).toBe(204)
        expect(bytes.toString()).toBe(text)
        expect(await check.verify(call, never)).toMatchObject({ partner: partner.partner })
        expect(logged('callback.ignored')).toMatchObject([{ source: partner.partner, type: 'goods.sent' }])
      },
    )

    test('refuses another message under a known id', async () => {
      const id = randomUUID()
      const signer = { ...partner, clock: shop.backend.now }
      await send(await signRequest(message(id), signer))

      const { status, text } = await send(await signRequest(message(id, { other: true }), signer))

      expect([status, JSON.parse(text).error]).toEqual([409, 'idempotency_mismatch'])
      expect(await rowsOf(id)).toHaveLength(1)
      expect(logged('inbox.key_reused')).toMatchObject([
        { level: 'warn', source: partner.partner, dedupeKey: id, requestId: 'test-request' },
      ])
    })
  })

  test.each(['json', 'xml'] as const)(
    'keeps a sealed push in %s with the query that proves it',
    async (format) => {
      const url = `${ORIGIN}/api/v1/callback/wechat-message`
      const MsgId = String(BigInt(`0x${randomUUID().slice(0, 8)}`) + 24_012_345_678_901_234n)
      const message = {
        ToUserName: 'gh_1',
        FromUserName: 'o-1',
        MsgType: 'event',
        Event: 'wxa_media_check',
        trace_id: randomUUID(),
        errcode: '0',
        MsgId,
      }
      const sender = { appId: APP_ID, nowMs: shop.backend.now() }
      const target = { url, token, encodingAesKey, mode: 'secure', format } as const
      const push = pushRequest(target, message, sender)

      const { text } = await send(new Request(push.url, { method: 'POST', body: push.body }))
      const [row] = await rowsOf(`id:${MsgId}`)

      const { bytes, request } = keptRequest(required(row))
      const reader = createMessagePush({
        token: secret(token),
        encodingAesKey: secret(encodingAesKey),
        appId: APP_ID,
        clock: shop.backend.now,
      })
      const query = v.parse(PushQuery, Object.fromEntries(new URL(request.url).searchParams))
      expect(text).toBe('success')
      expect(bytes.toString()).toBe(push.body)
      expect(reader.read(query, bytes)).toMatchObject({ msgId: MsgId, format })
    },
  )
}
