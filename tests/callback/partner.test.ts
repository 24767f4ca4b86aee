import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { createCallbackApp } from '#functions/callback/callback-app.ts'
import { createOrderApp } from '#functions/order/order-app.ts'
import { sendNotice } from '#scripts/emulator/partner/partner-notice.ts'
import { type PartnerStandIn, startPartner } from '#scripts/emulator/partner/start-partner.ts'
import { tellDownstream } from '#shared/backend/downstream.ts'
import { openProvider } from '#shared/backend/provider-settings.ts'
import type { App } from '#shared/http/app.ts'
import { pollOrders } from '#shared/payments/poll-orders.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { secret } from '#shared/secret.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { type Backend, startBackend } from '#tests/backend.ts'
import { callApp } from '#tests/invocation.ts'
import { required } from '#tests/services/servers.ts'
import { serveApp, type ServedApp } from '#tests/upload/serve-app.ts'

const never = new AbortController().signal
const newKey = () => randomBytes(32).toString('base64url')
const partnerKeys = parsePartnerKeys(`acme.k1:${newKey()},globex.k1:${newKey()}`)
const [key, otherKey] = [required(partnerKeys.all[0]), required(partnerKeys.all[1])]
const webhook = { url: new URL('http://127.0.0.1:1/hook'), key: new Uint8Array(32) }

let backend: Backend
let partner: PartnerStandIn
let other: PartnerStandIn
let provider: PaymentProvider
let order: App
let served: ServedApp
let token: string

beforeAll(async () => {
  backend = await startBackend()
  const { parts } = backend
  const tell = tellDownstream({ webhook }, backend.now)
  const callback = createCallbackApp({
    ...parts,
    partnerKeys,
    pushToken: secret('none'),
    takeMediaVerdict: async () => async () => {},
    partners: { tell, deliver: async () => {} },
  })
  served = await serveApp(callback, backend.now)
  partner = await startPartner({ key, clock: backend.now })
  other = await startPartner({ key: otherKey, clock: backend.now })
  const settings = {
    partnerKey: key,
    partnerUrl: new URL(partner.url),
    partnerNotifyUrl: new URL(`${served.url}/api/v1/callback/acme`),
  }
  provider = openProvider(settings, { ...parts, outbound: backend.outbound })
  order = createOrderApp({ ...parts, provider, tell, refundsBy: 'owner', deliver: async () => {} })
})
beforeEach(async () => {
  token = (await backend.signIn('alice')).accessToken
})
afterAll(async () => {
  await Promise.all([served?.stop(), partner?.stop(), other?.stop()])
  await backend?.close()
})

async function place(): Promise<{ readonly no: string; readonly payment: unknown }> {
  const invocation = { deadline: backend.now() + 10_000 }
  const body = { description: '月饼', amountFen: 100 }
  const answer = await callApp(order, '/api/v1/orders', { token, body, invocation })
  expect([answer.status, answer.body.data?.status]).toEqual([201, 'paying'])
  return answer.body.data
}

async function statusOf(no: string): Promise<string> {
  const invocation = { deadline: backend.now() + 10_000 }
  return (await callApp(order, `/api/v1/orders/${no}`, { token, invocation })).body.data.status
}

/** Rows that an order has caused: what was taken in, and what is to be told. */
async function rowsOf(no: string) {
  const sql = await backend.database.sql()
  const [inbox, outbox] = await Promise.all([
    sql.selectFrom('inbox').select(['source', 'body']).execute(),
    sql.selectFrom('outbox').select('topic').where('payload', 'like', `%${no}%`).execute(),
  ])
  const about = inbox.filter(({ body }) => Buffer.from(body, 'base64').includes(no))
  return { inbox: about.map(({ source }) => source), outbox: outbox.map(({ topic }) => topic) }
}

async function paid(): Promise<string> {
  const { no } = await place()
  partner.pay(no)
  return no
}

const NOTHING = { inbox: [], outbox: [] }
const ONCE = { inbox: ['acme'], outbox: ['order.paid'] }

describe('an order that a partner is paid for', () => {
  test('is prepared there, and the client gets what it pays with', async () => {
    const { payment } = await place()

    expect(payment).toEqual({ paymentId: expect.stringMatching(/^pay_/) })
  })

  test.each(['x-signature', 'webhook'] as const)('is paid when the partner says so by %s', async (proof) => {
    const no = await paid()

    const replies = await partner.notifyPayment(no, { proof })

    expect(replies).toEqual([{ status: 204, text: '' }])
    expect(await statusOf(no)).toBe('paid')
    expect(await rowsOf(no)).toEqual(ONCE)
  })

  test.each(['x-signature', 'webhook'] as const)(
    'is paid once by fifty of the very same %s at once: the others are replays',
    async (proof) => {
      const no = await paid()

      const replies = await partner.notifyPayment(no, { proof, times: 50 })

      const statuses = replies.map(({ status }) => status).toSorted((a, b) => a - b)
      expect(statuses).toEqual([204, ...Array.from({ length: 49 }, () => 403)])
      expect(await rowsOf(no)).toEqual(ONCE)
    },
  )

  test('is paid once by fifty that are signed each on its own', async () => {
    const no = await paid()

    const replies = await Promise.all(
      Array.from({ length: 50 }, () => partner.notifyPayment(no, { id: `m-${no}` })),
    )

    expect(new Set(replies.flat().map(({ status }) => status))).toEqual(new Set([204]))
    expect(await rowsOf(no)).toEqual(ONCE)
  })

  test.each([
    ['unsigned', 'x-signature', 400],
    ['stale', 'x-signature', 403],
    ['tampered', 'x-signature', 403],
    ['wrong-key', 'x-signature', 403],
    ['re-serialised', 'x-signature', 403],
    ['other-path', 'x-signature', 403],
    ['unsigned', 'webhook', 400],
    ['stale', 'webhook', 403],
    ['tampered', 'webhook', 403],
    ['wrong-key', 'webhook', 403],
    ['re-serialised', 'webhook', 403],
    ['other-path', 'webhook', 403],
  ] as const)(
    'is not paid by what is %s (%s), which is told by %i and in the log',
    async (flaw, proof, status) => {
      const no = await paid()
      const before = backend.log.length

      const [reply] = await partner.notifyPayment(no, { flaw, proof })

      expect(reply?.status).toBe(status)
      expect(await statusOf(no)).toBe('paying')
      expect(await rowsOf(no)).toEqual(NOTHING)
      expect(backend.log.slice(before).join('')).toContain('"event":"callback.refused"')
    },
  )

  test('is not paid by another partner, however well it signs', async () => {
    const no = await paid()
    const data = { no, transactionId: 'tx_1', amountFen: 100, paidAt: new Date(backend.now()).toISOString() }
    const told = { type: 'payment.paid', data }

    const replies = await Promise.all([
      sendNotice(otherKey, { ...told, url: `${served.url}/api/v1/callback/globex` }, backend.now),
      sendNotice(otherKey, { ...told, url: `${served.url}/api/v1/callback/acme` }, backend.now),
    ])

    expect(replies.flat().map(({ status }) => status)).toEqual([404, 403])
    expect(await rowsOf(no)).toEqual(NOTHING)
  })

  test('is not paid by another amount, and the same message counts once it is right', async () => {
    const no = await paid()
    const data = { no, transactionId: 'tx_1', amountFen: 1, paidAt: new Date(backend.now()).toISOString() }

    const [wrong] = await partner.notifyPayment(no, { id: `a-${no}`, data })
    const before = await statusOf(no)
    const [right] = await partner.notifyPayment(no, { id: `a-${no}` })

    expect([wrong?.status, before, right?.status, await statusOf(no)]).toEqual([400, 'paying', 204, 'paid'])
  })

  test('stays as it is by news of a kind that nothing is done about, which is kept', async () => {
    const no = await paid()

    const [reply] = await partner.notifyPayment(no, { type: 'payment.viewed' })

    expect(reply?.status).toBe(204)
    expect(await rowsOf(no)).toEqual({ inbox: ['acme'], outbox: [] })
  })

  test('is found paid by asking, when nobody told', async () => {
    const no = await paid()
    const polling = { ...backend.parts, provider, tell: tellDownstream({}, backend.now) }

    backend.advance(60_000)
    await pollOrders(polling, never)

    expect(await statusOf(no)).toBe('paid')
  })

  test('is prepared although the partner fails now and then', async () => {
    partner.fail({ how: 'status', status: 500 })
    partner.fail({ how: 'reset' })
    partner.fail({ how: 'status', status: 429, headers: { 'retry-after': '1' } })

    const { no } = await place()

    expect(await statusOf(no)).toBe('paying')
  })
})

describe('the partner as a provider', () => {
  async function rowOf(no: string) {
    const sql = await backend.database.sql()
    const rows = await sql.selectFrom('orders').selectAll().execute()
    return required(rows.find(({ id }) => id.replaceAll('-', '') === no))
  }

  const refundRow = (orderId: string, amountFen = 40) => ({
    id: '01890a5d-ac96-774b-bcce-b302099a8057',
    order_id: orderId,
    client_key: null,
    state: 'asked' as const,
    amount_fen: amountFen,
    reason: null,
    provider_id: null,
    poll_at: null,
    polls: 0,
    created_at: new Date(0),
    updated_at: new Date(0),
  })

  test('knows an order as open, closed or not at all', async () => {
    const { no } = await place()
    const row = await rowOf(no)
    const open = await provider.query(row, never)

    await provider.close(row, never)
    await provider.close(row, never)

    const stranger = { ...row, id: '01890a5d-ac96-774b-bcce-b302099a8058' }
    await provider.close(stranger, never)
    expect([open, await provider.query(row, never), await provider.query(stranger, never)]).toEqual([
      { state: 'open' },
      { state: 'closed' },
      { state: 'unknown' },
    ])
  })

  test('closing what is paid leaves it paid', async () => {
    const row = await rowOf(await paid())

    await provider.close(row, never)

    expect(await provider.query(row, never)).toMatchObject({ state: 'paid', amountFen: 100 })
  })

  test('pays back, and says how far it is', async () => {
    const row = await rowOf(await paid())
    const refund = refundRow(row.id)
    const unknown = await provider.queryRefund(refund, never)

    const asked = await provider.refund(refund, row, never)
    const again = await provider.refund(refund, row, never)
    partner.decideRefund(refund.id.replaceAll('-', ''), 'succeeded')

    expect(unknown).toBeUndefined()
    expect(asked).toEqual({ state: 'processing', providerId: expect.stringMatching(/^re_/) })
    expect(again).toEqual(asked)
    expect(await provider.queryRefund(refund, never)).toEqual({ ...asked, state: 'succeeded' })
  })

  test('refuses for good what it never does, in its own word', async () => {
    const row = await rowOf(await paid())

    await expect(
      provider.refund({ ...refundRow(row.id, 101), id: row.id }, row, never),
    ).rejects.toMatchObject({ error: 'refused_by_provider', details: [{ reason: 'not_refundable' }] })
  })

  test('tells what became of a refund, which then counts once', async () => {
    const no = await paid()
    await partner.notifyPayment(no)
    const invocation = { deadline: backend.now() + 10_000 }
    const asking = { token, body: { amountFen: 30 }, invocation }
    const { refundNo } = (await callApp(order, `/api/v1/orders/${no}/refund`, asking)).body.data
    partner.decideRefund(refundNo, 'succeeded')

    const wrong = await partner.notifyRefund(refundNo, { flaw: 'tampered' })
    const before = await callApp(order, `/api/v1/orders/${no}`, { token, invocation })
    const right = await partner.notifyRefund(refundNo, { proof: 'webhook', times: 20 })
    const after = await callApp(order, `/api/v1/orders/${no}`, { token, invocation })

    expect(wrong.map(({ status }) => status)).toEqual([403])
    expect(before.body.data).toMatchObject({ status: 'refunding', refundedFen: 0 })
    expect(right.filter(({ status }) => status === 204).length).toBeGreaterThan(0)
    expect(after.body.data).toMatchObject({
      status: 'paid',
      refundedFen: 30,
      refunds: [{ status: 'succeeded' }],
    })
  })

  test.each([
    ['a redirect', { how: 'redirect', to: 'http://127.0.0.1:1/' }],
    ['an answer without end', { how: 'huge' }],
    ['a 403', { how: 'status', status: 403 }],
    ['an answer of another shape', { how: 'status', status: 200 }],
  ] as const)('%s is an upstream failure', async (_, failure) => {
    const row = await rowOf((await place()).no)
    partner.fail(failure)

    await expect(provider.query(row, never)).rejects.toMatchObject({ error: 'upstream_failed' })
  })
})
