import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { fire } from '#scripts/invoke/fire/fire.ts'
import { startReceiver } from '#tests/emulator/wechat/push-receiver.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'

const receiver = await startReceiver()
let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
beforeEach(() => {
  shop.deliveries.length = 0
})
afterAll(() => shop?.close())

async function run(...args: readonly string[]) {
  const out: string[] = []
  const cloud = { api: 'http://127.0.0.1:1', payUrl: shop.pay.standIn.url }
  const code = await fire(args, { runningOn: () => cloud, out: (line) => out.push(line), note: () => {} })
  return { code, out: out.map((line) => line.replace(/\d+ ms/, 'n ms')) }
}

test('fifty notifications of one payment are one paid order and one delivery', async () => {
  const no = await shop.placed()

  const { code, out } = await run('pay-success', '--order', no, '--duplicate', '50')
  await shop.deliver()

  expect([code, out]).toEqual([0, [`payment of order ${no}: 50 times at once, n ms`, '  50 × 204']])
  expect((await shop.find(no)).status).toBe('paid')
  expect(shop.deliveries).toHaveLength(1)
})

test('the last order is meant where none is named, and a lost notification leaves it as it is', async () => {
  const no = await shop.placed()

  const { code, out } = await run('pay-lost')
  const before = await shop.find(no)
  shop.backend.advance(60_000)
  await shop.poll()

  expect([code, out]).toEqual([
    0,
    [`payment of order ${no}: 200 at WeChat Pay; the backend was not told, n ms`],
  ])
  expect([before.status, (await shop.find(no)).status]).toEqual(['paying', 'paid'])
})

test.each([
  ['unsigned', '400'],
  ['wrong-signature', '403'],
  ['wrong-serial', '403'],
  ['stale', '403'],
  ['probe', '403'],
  ['wrong-key', '400'],
])('one that is %s is answered with %s, and changes nothing', async (flaw, status) => {
  const no = await shop.placed()

  const { code, out } = await run('pay-success', '--flaw', flaw)

  expect(code).toBe(1)
  expect(out).toHaveLength(1)
  expect(out[0]).toContain(`payment of order ${no} (${flaw}): ${status} FAIL `)
  expect((await shop.find(no)).status).toBe('paying')
})

test('a wrong amount is refused, and a late notification comes late', async () => {
  const no = await shop.placed()

  const wrong = await run('pay-success', '--amount-fen', '1')
  const startedAt = performance.now()
  const late = await run('pay-success', '--late', '1')

  expect([wrong.code, late.code]).toEqual([1, 0])
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990)
  expect((await shop.find(no)).status).toBe('paid')
})

test('a refund is decided one way or the other', async () => {
  const no = await shop.paid()
  const ask = () => shop.call(`/api/v1/orders/${no}/refund`, { body: { amountFen: 30 } })
  const numbers = [(await ask()).body.data.refundNo]
  const closed = await run('refund-closed')
  numbers.push((await ask()).body.data.refundNo)
  const succeeded = await run('refund-success', '--duplicate', '3')
  numbers.push((await ask()).body.data.refundNo)
  const abnormal = await run('refund-abnormal', '--refund', numbers[2])

  expect([closed.out, succeeded.out, abnormal.out]).toEqual([
    [`refund ${numbers[0]}: 204, n ms`],
    [`refund ${numbers[1]}: 3 times at once, n ms`, '  3 × 204'],
    [`refund ${numbers[2]}: 204, n ms`],
  ])
  const { refunds, refundedFen } = await shop.find(no)
  const statuses = Object.fromEntries(
    refunds.map(({ refundNo, status }: { refundNo: string; status: string }) => [refundNo, status]),
  )
  expect(numbers.map((number) => statuses[number])).toEqual(['closed', 'succeeded', 'abnormal'])
  expect(refundedFen).toBe(30)
})

test('of two notices the later one comes first, and both are one payment', async () => {
  const no = await shop.placed()

  const { code, out } = await run('pay-success', '--reordered', '--duplicate', '5')
  await shop.deliver()

  const five = [`payment of order ${no}: 5 times at once, n ms`, '  5 × 204']
  expect([code, out]).toEqual([0, [...five, ...five]])
  expect((await shop.find(no)).status).toBe('paid')
  expect(shop.deliveries).toHaveLength(1)
})

test('a refund may be told before its payment, which only reconcile has heard of', async () => {
  const no = await shop.placed()
  await run('pay-lost')
  shop.backend.advance(60_000)
  await shop.poll()
  const asked = await shop.call(`/api/v1/orders/${no}/refund`, { body: { amountFen: 30 } })
  const { refundNo } = asked.body.data

  const { code, out } = await run('refund-success', '--reordered')
  await shop.deliver()

  expect([code, out]).toEqual([0, [`refund ${refundNo}: 204, n ms`, `payment of order ${no}: 204, n ms`]])
  expect(await shop.find(no)).toMatchObject({ status: 'paid', refundedFen: 30 })
  // Orders of other tests are found to be paid as well.
  const own = shop.deliveries.filter(({ data }) => data.no === no)
  expect(own.map(({ type }) => type)).toEqual(['order.paid', 'order.refunded'])
})

test('reordered notices say when they were made, each time alike', async () => {
  const no = await shop.paid()
  await shop.call(`/api/v1/orders/${no}/refund`, { body: { amountFen: 30 } })
  shop.pay.standIn.notifyAt(receiver.url)

  await run('pay-success', '--order', no, '--reordered')
  await run('refund-success', '--reordered', '--duplicate', '2')
  shop.pay.standIn.notifyAt(shop.callbackUrl)

  const told = receiver.received.map(({ body }) => JSON.parse(body))
  const [first, second, ...rest] = told.map(({ event_type: type, create_time: at }) => [type, Date.parse(at)])
  const now = shop.backend.now()
  expect([first, second]).toEqual([
    ['TRANSACTION.SUCCESS', now],
    ['TRANSACTION.SUCCESS', now - 60_000],
  ])
  expect(rest).toEqual([
    ['REFUND.SUCCESS', now],
    ['REFUND.SUCCESS', now],
    ['TRANSACTION.SUCCESS', now - 60_000],
    ['TRANSACTION.SUCCESS', now - 60_000],
  ])
  expect(new Set(told.map(({ id }) => id)).size).toBe(4)
})

test('what cannot be fired is told in plain words', async () => {
  await expect(run('pay-success', '--order', 'nobody-knows')).rejects.toThrow('订单不存在')
  await expect(run('pay-success', '--flaw', 'tiny')).rejects.toThrow('--flaw is one of unsigned, ')
  await expect(run('pay-success', '--late', 'x')).rejects.toThrow('--late is in whole seconds')
  const real = fire(['pay-success'], { runningOn: () => ({ api: '' }), out: () => {}, note: () => {} })
  await expect(real).rejects.toThrow('The local cloud uses the real WeChat Pay')
})
