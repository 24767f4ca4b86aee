import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Dialect } from '#shared/db/database.ts'
import { createOrderApp } from '#functions/order/order-app.ts'
import { callApp } from '#tests/invocation.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'
import { describeWith } from '#tests/services/describe-with.ts'

interface Refund {
  readonly refundNo: string
  readonly status: string
}

describe('refunds on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'refunds on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let shop: Shop
  beforeAll(async () => {
    shop = await startShop({ dialect })
  })
  afterAll(() => shop?.close())

  const ask = (no: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
    shop.call(`/api/v1/orders/${no}/refund`, { body, headers })
  const told = (no: string, type: string) =>
    shop.deliveries.filter((delivery) => delivery.type === type && delivery.data.no === no)

  test('a part is paid back when WeChat Pay says so, once, however often it says so', async () => {
    const no = await shop.paid()

    const asked = await ask(no, { amountFen: 30, reason: '缺货' })
    const { refundNo } = asked.body.data
    const between = await shop.find(no)
    shop.pay.standIn.decideRefund(refundNo, 'SUCCESS')
    const replies = await shop.pay.standIn.notifyRefund(refundNo, { times: 50 })
    await shop.deliver()

    expect([asked.status, asked.body.data]).toMatchObject([
      202,
      { no, status: 'processing', amountFen: 30, reason: '缺货' },
    ])
    expect(between).toMatchObject({ status: 'refunding', refundedFen: 0 })
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['204 ']))
    expect(await shop.find(no)).toMatchObject({
      status: 'paid',
      refundedFen: 30,
      refunds: [{ refundNo, status: 'succeeded', amountFen: 30 }],
    })
    expect(told(no, 'order.refunded')).toMatchObject([
      { isSigned: true, data: { no, refundNo, amountFen: 30, metadata: { sku: 1 } } },
    ])
  })

  test('what several refunds add up to is never more than was paid, also when they come at once', async () => {
    const no = await shop.paid()

    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(no, { amountFen: 30 })))
    const refused = answers.filter(({ status }) => status !== 202)
    const rest = await ask(no, { amountFen: 10 })

    expect(answers.filter(({ status }) => status === 202)).toHaveLength(3)
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([409]))
    expect(refused[0]?.body.details).toEqual([
      { reason: 'more_than_is_left', refundableFen: expect.any(Number) },
    ])
    expect(rest.status).toBe(202)
    for (const { refundNo } of (await shop.find(no)).refunds) {
      shop.pay.standIn.decideRefund(refundNo, 'SUCCESS')
      await shop.pay.standIn.notifyRefund(refundNo)
    }
    expect(await shop.find(no)).toMatchObject({ status: 'refunded', refundedFen: 100 })
  })

  test('the same key is the same refund, and another amount under it is refused', async () => {
    const no = await shop.paid()
    const headers = { 'idempotency-key': 'refund-1' }

    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(no, { amountFen: 20 }, headers)))
    const other = await ask(no, { amountFen: 21 }, headers)

    expect(new Set(answers.map(({ status, body }) => `${status} ${body.data?.refundNo}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(202)
    expect((await shop.find(no)).refunds).toHaveLength(1)
    expect(other.body.error).toBe('idempotency_mismatch')
  })

  test('a refund that WeChat Pay cannot take is accepted, and asked for again later', async () => {
    const no = await shop.paid()
    shop.pay.standIn.fail({ status: 500, code: 'SYSTEM_ERROR', times: 4 }) // as often as a call is tried

    const asked = await ask(no, { amountFen: 100 })
    expect([asked.status, asked.body.data.status]).toEqual([202, 'processing'])
    expect(() => shop.pay.standIn.decideRefund(asked.body.data.refundNo, 'SUCCESS')).toThrow('退款单不存在')
    shop.backend.advance(60_000)
    await shop.poll()
    shop.pay.standIn.decideRefund(asked.body.data.refundNo, 'SUCCESS')
    shop.backend.advance(120_000)
    await Promise.all([shop.poll(), shop.poll()])
    await shop.deliver()

    expect(await shop.find(no)).toMatchObject({ status: 'refunded', refundedFen: 100 })
    expect(told(no, 'order.refunded')).toHaveLength(1)
  })

  test('a refund that WeChat Pay refuses leaves the money where it is, and says why', async () => {
    const no = await shop.paid()
    shop.pay.standIn.fail({ status: 400, code: 'INVALID_REQUEST', times: 1 })

    const refused = await ask(no, { amountFen: 100 })

    expect(refused).toMatchObject({
      status: 409,
      body: { code: 40902, error: 'refused_by_provider', details: [{ reason: 'invalid_request' }] },
    })
    expect(refused.body.message).not.toContain('schema')
    expect(await shop.find(no)).toMatchObject({
      status: 'paid',
      refundedFen: 0,
      refunds: [{ status: 'closed' }],
    })
    expect((await ask(no, { amountFen: 100 })).status).toBe(202)
  })

  test('a closed refund gives its room back, an abnormal one keeps it until somebody has seen to it', async () => {
    const no = await shop.paid()
    const [first, second] = [await ask(no, { amountFen: 50 }), await ask(no, { amountFen: 50 })]
    const [closed, abnormal] = [first.body.data.refundNo, second.body.data.refundNo]

    shop.pay.standIn.decideRefund(closed, 'CLOSED')
    await shop.pay.standIn.notifyRefund(closed)
    shop.pay.standIn.decideRefund(abnormal, 'ABNORMAL')
    await shop.pay.standIn.notifyRefund(abnormal)
    const between = await shop.find(no)
    const more = await ask(no, { amountFen: 51 })
    shop.pay.standIn.decideRefund(abnormal, 'SUCCESS')
    await shop.pay.standIn.notifyRefund(abnormal)
    // News that comes late, or out of order, changes nothing any more.
    shop.pay.standIn.decideRefund(abnormal, 'ABNORMAL')
    const [late] = await shop.pay.standIn.notifyRefund(abnormal)

    const statuses = between.refunds.map((refund: Refund) => [refund.refundNo, refund.status])
    expect(Object.fromEntries(statuses)).toEqual({ [closed]: 'closed', [abnormal]: 'abnormal' })
    expect(more.body.details).toEqual([{ reason: 'more_than_is_left', refundableFen: 50 }])
    expect(late?.status).toBe(204)
    expect(await shop.find(no)).toMatchObject({ status: 'paid', refundedFen: 50 })
    expect(shop.backend.log.some((line) => line.includes('payments.refund_abnormal'))).toBe(true)
  })

  test('a notification of another amount, order or merchant changes nothing', async () => {
    const no = await shop.paid()
    const { refundNo } = (await ask(no, { amountFen: 30 })).body.data
    shop.pay.standIn.decideRefund(refundNo, 'SUCCESS')

    const replies = [
      ...(await shop.pay.standIn.notifyRefund(refundNo, { amountFen: 31 })),
      ...(await shop.pay.standIn.notifyRefund(refundNo, { resource: { out_trade_no: await shop.paid() } })),
      ...(await shop.pay.standIn.notifyRefund(refundNo, { resource: { mchid: '1' } })),
      ...(await shop.pay.standIn.notifyRefund(refundNo, { flaw: 'wrong-signature' })),
    ]

    expect(replies.map(({ status }) => status)).toEqual([400, 404, 403, 403])
    expect(await shop.find(no)).toMatchObject({ status: 'refunding', refundedFen: 0 })
  })

  test('what is not paid, and what is not theirs, nobody gets back', async () => {
    const [unpaid, paid] = [await shop.placed(), await shop.paid()]
    const bob = await shop.signIn('bob')

    const answers = [
      await ask(unpaid, { amountFen: 1 }),
      await shop.call(`/api/v1/orders/${paid}/refund`, { body: { amountFen: 1 }, token: bob.accessToken }),
      await ask(paid, { amountFen: 0 }),
      await ask(paid, { amountFen: 1.5 }),
      await ask(paid, { amountFen: 101 }),
    ]

    expect(answers.map(({ status }) => status)).toEqual([409, 404, 400, 400, 409])
    expect(answers[0]?.body.details).toEqual([{ reason: 'not_paid', state: 'paying' }])
  })

  test('a shop may keep refunds to its admins', async () => {
    const no = await shop.paid()
    const parts = { ...shop.backend.parts, provider: shop.pay.provider, refundsBy: 'admin' } as const
    const strict = createOrderApp({ ...parts, tell: async () => {}, deliver: async () => {} })
    const [alice, root] = [await shop.signIn('alice'), await shop.signIn('root')]
    const path = `/api/v1/orders/${no}/refund`
    const invocation = { deadline: shop.backend.now() + 10_000 }

    const answers = [
      await callApp(strict, path, { body: { amountFen: 1 }, token: alice.accessToken, invocation }),
      await callApp(strict, path, { body: { amountFen: 1 }, token: root.accessToken, invocation }),
    ]

    expect(answers.map(({ status }) => status)).toEqual([403, 202])
  })

  test('an order that is given up can be paid no more, and giving it up again is fine', async () => {
    const no = await shop.placed()

    const answers = [
      await shop.call(`/api/v1/orders/${no}/close`, { method: 'POST' }),
      await shop.call(`/api/v1/orders/${no}/close`, { method: 'POST' }),
    ]

    expect(answers.map(({ status, body }) => [status, body.data.status])).toEqual([
      [200, 'closed'],
      [200, 'closed'],
    ])
    expect(() => shop.pay.standIn.pay(no)).toThrow('该订单已关闭')
  })

  test('a payer who was faster than the closing has paid', async () => {
    const no = await shop.placed()
    shop.pay.standIn.pay(no)

    const answer = await shop.call(`/api/v1/orders/${no}/close`, { method: 'POST' })

    expect([answer.status, answer.body.details]).toEqual([409, [{ reason: 'order_over', state: 'paid' }]])
    expect(await shop.find(no)).toMatchObject({ status: 'paid' })
  })
}
