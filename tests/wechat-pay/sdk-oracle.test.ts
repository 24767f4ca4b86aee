import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import { Aes, Decorator, Formatter, Rsa } from 'wechatpay-axios-plugin'
import { noticeBody } from '#scripts/emulator/wechat-pay/notify.ts'
import { startWechatPay, type WechatPayStandIn } from '#scripts/emulator/wechat-pay/start-wechat-pay.ts'
import { secret } from '#shared/secret.ts'
import { openResource } from '#shared/wechat-pay/open-resource.ts'
import { authorization, signLines } from '#shared/wechat-pay/sign-request.ts'
import { verifyMessage } from '#shared/wechat-pay/verify-message.ts'

// wechatpay-axios-plugin is another implementation of the protocol, by another author: where both agree, both can be trusted.

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const MERCHANT = { mchId: '1900000001', serial: 'A1B2', privateKey }
const nowMs = 1_800_000_000_000
const timestamp = String(nowMs / 1_000)

const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const nonceText = fc.stringMatching(/^[0-9A-Za-z]{12,32}$/)
const call = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  target: fc.webPath().map((path) => `/v3${path}?mchid=1900000001`),
  nonce: nonceText,
  body: fc.oneof(fc.constant(''), fc.json()),
})
const FEW = { numRuns: 25 }

/** What an Authorization header says, in whatever order. */
function fieldsOf(header: string): Readonly<Record<string, string>> {
  const [scheme = '', rest = ''] = header.split(/ (.*)/s)
  const fields = [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value])
  return { scheme, ...Object.fromEntries(fields) }
}

describe('signing as the SDK does', () => {
  test('any request has the same Authorization, whoever signs it', () => {
    fc.assert(
      fc.property(call, ({ method, target, nonce, body }) => {
        const signature = Rsa.sign(Formatter.request(method, target, timestamp, nonce, body), privateKey)
        const { mchId, serial } = MERCHANT
        const theirs = Formatter.authorization(mchId, nonce, signature, timestamp, serial)

        const ours = authorization(MERCHANT, { method, target, timestamp, nonce, body })

        expect(fieldsOf(ours)).toEqual(fieldsOf(theirs))
      }),
      FEW,
    )
  })

  test('the SDK verifies our signature of any request', () => {
    fc.assert(
      fc.property(call, ({ method, target, nonce, body }) => {
        const header = authorization(MERCHANT, { method, target, timestamp, nonce, body })
        const { signature = '' } = fieldsOf(header)

        expect(
          Rsa.verify(Formatter.request(method, target, timestamp, nonce, body), signature, publicKey),
        ).toBe(true)
      }),
      FEW,
    )
  })
})

describe('verifying as the SDK does', () => {
  const check = (nonce: string, body: string, signature: string) =>
    verifyMessage(
      { keys: new Map([['PUB_KEY_ID_1', publicKey]]), clock: () => nowMs },
      new Headers({
        'wechatpay-timestamp': timestamp,
        'wechatpay-nonce': nonce,
        'wechatpay-serial': 'PUB_KEY_ID_1',
        'wechatpay-signature': signature,
      }),
      Buffer.from(body),
    )

  test('we take what the SDK signs, and it takes what we sign', () => {
    fc.assert(
      fc.property(nonceText, text, (nonce, body) => {
        const theirs = Rsa.sign(Formatter.response(timestamp, nonce, body), privateKey)
        const ours = signLines(privateKey, [timestamp, nonce, body])

        expect(() => check(nonce, body, theirs)).not.toThrow()
        expect(Rsa.verify(Formatter.response(timestamp, nonce, body), ours, publicKey)).toBe(true)
      }),
      FEW,
    )
  })

  test('both refuse the signature of another body', () => {
    const signature = Rsa.sign(Formatter.response(timestamp, 'nonce-1', '{"id":1}'), privateKey)

    expect(() => check('nonce-1', '{"id":2}', signature)).toThrow('signature_invalid')
    expect(Rsa.verify(Formatter.response(timestamp, 'nonce-1', '{"id":2}'), signature, publicKey)).toBe(false)
  })
})

describe('encrypting as the SDK does', () => {
  const apiKey = 'k'.repeat(32)
  const nonce = '0123456789ab'

  test('we open what the SDK seals, with associated data and without', () => {
    fc.assert(
      fc.property(text, fc.option(text, { nil: undefined }), (plain, aad) => {
        const ciphertext = Aes.AesGcm.encrypt(plain, apiKey, nonce, aad)

        expect(openResource(secret(apiKey), { nonce, associated_data: aad, ciphertext })).toBe(plain)
      }),
      FEW,
    )
  })
})

describe('the SDK as the client of our stand-in', () => {
  let standIn: WechatPayStandIn

  beforeAll(async () => {
    standIn = await startWechatPay({ appId: 'wx5a1b2c3d4e5f6071' })
  })
  afterAll(async () => standIn?.stop())

  test('is let in, and believes the answer', async () => {
    const { account, url } = standIn
    const { platformKey } = account
    // What axios takes besides is not among its types.
    const config = {
      mchid: account.mchId,
      serial: account.serial,
      privateKey: account.merchantPrivateKey,
      certs: platformKey === undefined ? {} : { [platformKey.serial]: platformKey.publicKey },
      baseURL: url,
      proxy: false,
    }

    const { data } = await Decorator.jsonBased(config).post('/v3/pay/transactions/jsapi', {
      appid: account.appId,
      mchid: account.mchId,
      description: '月饼',
      out_trade_no: 'order-0001',
      notify_url: 'https://example.org/notify',
      amount: { total: 100 },
      payer: { openid: 'o1' },
    })

    expect(data).toEqual({ prepay_id: expect.stringMatching(/^wx/) })
  })

  test('opens the notifications that it sends', () => {
    const { account } = standIn
    const resource = { out_trade_no: 'order-0001', trade_state: 'SUCCESS' }
    const body = noticeBody(account, { eventType: 'TRANSACTION.SUCCESS', resource }, nowMs)
    const { resource: sealed } = JSON.parse(body)

    const opened = Aes.AesGcm.decrypt(sealed.ciphertext, account.apiKey, sealed.nonce, sealed.associated_data)

    expect(JSON.parse(opened)).toEqual(resource)
  })
})
