import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { createServer, type Server } from 'node:http'
import { createCallbackApp } from '#functions/callback/callback-app.ts'
import { createOrderApp } from '#functions/order/order-app.ts'
import { downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import type { Webhook } from '#shared/backend/webhook-delivery.ts'
import type { App } from '#shared/http/app.ts'
import { drain } from '#shared/outbox/drain.ts'
import { numberOf } from '#shared/payments/order-states.ts'
import { pollOrders } from '#shared/payments/poll-orders.ts'
import { secret } from '#shared/secret.ts'
import { webhookKey } from '#shared/signing/webhook.ts'
import { type Backend, startBackend } from '#tests/backend.ts'
import { callApp } from '#tests/invocation.ts'
import { eventually } from '#tests/services/eventually.ts'
import { serveApp, type ServedApp } from '#tests/upload/serve-app.ts'
import { APP_ID, type PaySetting, startPay } from '#tests/wechat-pay/stand-in.ts'

const never = new AbortController().signal
const key = new Uint8Array(32).fill(7)

let backend: Backend
let pay: PaySetting
let order: App
let served: ServedApp
let shop: Server
let webhook: Webhook
let deliveries: { readonly id: string; readonly body: string; readonly isSigned: boolean }[]
let shopStatus = 200
let token: string

beforeAll(async () => {
  backend = await startBackend()
  pay = await startPay(backend.now, 'http://127.0.0.1/api/v1/callback/wechat-pay')
  shop = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      const [id = '', timestamp = '', signatures = ''] = ['id', 'timestamp', 'signature'].map((name) =>
        String(request.headers[`webhook-${name}`]),
      )
      const partner = { partner: 'shop', kid: 'k', key }
      const isSigned = webhookKey([partner], { id, timestamp, signatures }, Buffer.from(body)) === partner
      deliveries.push({ id, body, isSigned })
      response.writeHead(shopStatus).end()
    })
  })
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve))
  const address = shop.address()
  webhook = { url: new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/hook`), key }
  const { account } = pay.standIn
  const { parts } = backend
  order = createOrderApp({ ...parts, provider: pay.provider })
  const targets = downstreamTargets({ webhook }, { clock: backend.now, outbound: backend.outbound })
  const callback = createCallbackApp({
    ...parts,
    appId: APP_ID,
    pushToken: secret('none'),
    takeMediaVerdict: async () => {},
    payments: {
      mchId: account.mchId,
      platformKeys: new Map([[account.platformSerial, account.platformPublicKey]]),
      apiKey: secret(account.apiKey),
      tell: tellDownstream({ webhook }, backend.now),
      deliver: (signal) => drain({ ...parts, targets, schedule: { waitsS: [10, 60] } }, signal),
    },
  })
  served = await serveApp(callback, backend.now)
  pay.standIn.notifyAt(served.url)
  token = (await backend.signIn('alice')).accessToken
})
beforeEach(() => {
  deliveries = []
  shopStatus = 200
})
afterAll(async () => {
  shop?.close()
  await Promise.all([served?.stop(), pay?.standIn.stop()])
  await backend?.close()
})

async function placed(headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const body = { description: '月饼', amountFen: 100, metadata: { sku: 1 } }
  const invocation = { deadline: backend.now() + 10_000 }
  const answer = await callApp(order, '/api/v1/orders', { token, body, headers, invocation })
  expect([answer.status, answer.body.data.status]).toEqual([201, 'paying'])
  return answer.body.data.no
}

async function statusOf(no: string): Promise<string> {
  const invocation = { deadline: backend.now() + 10_000 }
  return (await callApp(order, `/api/v1/orders/${no}`, { token, invocation })).body.data.status
}

test('fifty notifications of one payment are one paid order and one signed delivery', async () => {
  const no = await placed()
  pay.standIn.pay(no)

  const replies = await pay.standIn.notifyPayment(no, { times: 50 })
  const [delivery] = await eventually(async () => deliveries.length > 0 && deliveries, { withinMs: 5_000 })

  expect(new Set(replies.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['204 ']))
  expect(await statusOf(no)).toBe('paid')
  expect(deliveries).toHaveLength(1)
  expect(delivery?.isSigned).toBe(true)
  expect(JSON.parse(delivery?.body ?? '')).toMatchObject({
    type: 'order.paid',
    data: { no, amountFen: 100, metadata: { sku: 1 } },
  })
})

test.each(['unsigned', 'wrong-signature', 'wrong-serial', 'stale', 'probe', 'wrong-key'] as const)(
  'a notification that is %s changes nothing and is answered as a failure',
  async (flaw) => {
    const no = await placed()
    pay.standIn.pay(no)

    const [reply] = await pay.standIn.notifyPayment(no, { flaw })

    expect(reply?.status).toBeGreaterThanOrEqual(400)
    expect(JSON.parse(reply?.text ?? '')).toEqual({ code: 'FAIL', message: expect.any(String) })
    expect(await statusOf(no)).toBe('paying')
    expect(deliveries).toEqual([])
  },
)

test('a payment of another amount changes nothing', async () => {
  const no = await placed()
  pay.standIn.pay(no)

  const [reply] = await pay.standIn.notifyPayment(no, { amountFen: 1 })
  const before = await statusOf(no)
  const [right] = await pay.standIn.notifyPayment(no)

  expect([reply?.status, before]).toEqual([400, 'paying'])
  expect([right?.status, await statusOf(no)]).toEqual([204, 'paid'])
})

test('a notification that is lost is made up for by asking', async () => {
  const no = await placed()
  pay.standIn.pay(no)
  const polling = { ...backend.parts, provider: pay.provider, tell: tellDownstream({ webhook }, backend.now) }

  backend.advance(60_000)
  await pollOrders(polling, never)

  expect(await statusOf(no)).toBe('paid')
})

test('an order that nobody pays is closed at WeChat Pay when its time is over', async () => {
  const no = await placed()
  const polling = { ...backend.parts, provider: pay.provider, tell: tellDownstream({ webhook }, backend.now) }

  for (let hour = 0; hour < 3; hour++) {
    backend.advance(3_600_000)
    await pollOrders(polling, never)
  }
  token = (await backend.signIn('alice')).accessToken

  expect(await statusOf(no)).toBe('closed')
  expect(() => pay.standIn.pay(no)).toThrow('该订单已关闭')
})

test('a shop that is down is told later', async () => {
  shopStatus = 500
  const no = await placed()
  pay.standIn.pay(no)
  await pay.standIn.notifyPayment(no)
  const ours = () => deliveries.filter(({ body }) => body.includes(no))
  const noted = async () => {
    const sql = await backend.database.sql()
    const rows = await sql.selectFrom('outbox').selectAll().where('last_error', 'is not', null).execute()
    return rows.some(({ payload }) => payload.includes(no))
  }
  await eventually(noted, { withinMs: 5_000 })
  shopStatus = 200
  backend.advance(13_000)

  const targets = downstreamTargets({ webhook }, { clock: backend.now, outbound: backend.outbound })
  await drain({ ...backend.parts, targets, schedule: { waitsS: [10, 60] } }, never)

  expect(ours()).toHaveLength(2)
  expect(new Set(ours().map(({ id }) => id)).size).toBe(1)
})

test("somebody else's order is not there, and a key is one order", async () => {
  const [first, second] = [
    await placed({ 'idempotency-key': 'k1' }),
    await placed({ 'idempotency-key': 'k1' }),
  ]
  const bob = await backend.signIn('bob')
  const invocation = { deadline: backend.now() + 10_000 }

  const answer = await callApp(order, `/api/v1/orders/${first}`, { token: bob.accessToken, invocation })

  expect(second).toBe(first)
  expect(answer.status).toBe(404)
  expect(numberOf(first)).toBe(first)
})
