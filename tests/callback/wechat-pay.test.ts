import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { eventually } from '#tests/services/eventually.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
beforeEach(() => {
  shop.deliveries.length = 0
  shop.recover()
})
afterAll(() => shop?.close())

const statusOf = async (no: string): Promise<string> => (await shop.find(no)).status

test('fifty notifications of one payment are one paid order and one signed delivery', async () => {
  const no = await shop.placed()
  shop.pay.standIn.pay(no)

  const replies = await shop.pay.standIn.notifyPayment(no, { times: 50 })
  const [delivery] = await eventually(async () => shop.deliveries.length > 0 && shop.deliveries, {
    withinMs: 5_000,
  })

  expect(new Set(replies.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['204 ']))
  expect(await statusOf(no)).toBe('paid')
  expect(shop.deliveries).toHaveLength(1)
  expect(delivery?.isSigned).toBe(true)
  expect(delivery).toMatchObject({
    type: 'order.paid',
    data: { no, amountFen: 100, metadata: { sku: 1 } },
  })
})

test.each(['unsigned', 'wrong-signature', 'wrong-serial', 'stale', 'probe', 'wrong-key'] as const)(
  'a notification that is %s changes nothing and is answered as a failure',
  async (flaw) => {
    const no = await shop.placed()
    shop.pay.standIn.pay(no)

    const [reply] = await shop.pay.standIn.notifyPayment(no, { flaw })

    expect(reply?.status).toBeGreaterThanOrEqual(400)
    expect(JSON.parse(reply?.text ?? '')).toEqual({ code: 'FAIL', message: expect.any(String) })
    expect(await statusOf(no)).toBe('paying')
    expect(shop.deliveries).toEqual([])
  },
)

test('a payment of another amount changes nothing', async () => {
  const no = await shop.placed()
  shop.pay.standIn.pay(no)

  const [reply] = await shop.pay.standIn.notifyPayment(no, { amountFen: 1 })
  const before = await statusOf(no)
  const [right] = await shop.pay.standIn.notifyPayment(no)

  expect([reply?.status, before]).toEqual([400, 'paying'])
  expect([right?.status, await statusOf(no)]).toEqual([204, 'paid'])
})

test('a notification that is lost is made up for by asking', async () => {
  const no = await shop.placed()
  shop.pay.standIn.pay(no)

  shop.backend.advance(60_000)
  await shop.poll()

  expect(await statusOf(no)).toBe('paid')
})

test('an order that nobody pays is closed at WeChat Pay when its time is over', async () => {
  const no = await shop.placed()

  for (let hour = 0; hour < 3; hour++) {
    shop.backend.advance(3_600_000)
    await shop.poll()
  }
  await shop.signIn('alice')

  expect(await statusOf(no)).toBe('closed')
  expect(() => shop.pay.standIn.pay(no)).toThrow('该订单已关闭')
})

test('a shop that is down is told later', async () => {
  shop.breakShop()
  const no = await shop.placed()
  shop.pay.standIn.pay(no)
  await shop.pay.standIn.notifyPayment(no)
  const ours = () => shop.deliveries.filter(({ data }) => data.no === no)
  const noted = async () => {
    const sql = await shop.backend.database.sql()
    const rows = await sql.selectFrom('outbox').selectAll().where('last_error', 'is not', null).execute()
    return rows.some(({ payload }) => payload.includes(no))
  }
  await eventually(noted, { withinMs: 5_000 })
  shop.recover()
  shop.backend.advance(13_000)

  await shop.deliver()

  expect(ours()).toHaveLength(2)
  expect(new Set(ours().map(({ id }) => id)).size).toBe(1)
})

test("somebody else's order is not there, and a key is one order", async () => {
  const [first, second] = [
    await shop.placed({ 'idempotency-key': 'k1' }),
    await shop.placed({ 'idempotency-key': 'k1' }),
  ]
  const bob = await shop.signIn('bob')

  const answer = await shop.call(`/api/v1/orders/${first}`, { token: bob.accessToken })

  expect(second).toBe(first)
  expect(answer.status).toBe(404)
})
