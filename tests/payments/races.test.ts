import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Dialect } from '#shared/db/database.ts'
import { Fault } from '#shared/errors.ts'
import { askRefund } from '#shared/payments/ask-refund.ts'
import { closeOrder } from '#shared/payments/close-order.ts'
import { idOf } from '#shared/payments/order-states.ts'
import { pollOrders } from '#shared/payments/poll-orders.ts'
import { pollRefunds } from '#shared/payments/poll-refunds.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { findOrder, type OrderRow } from '#shared/db/tables/orders.ts'
import { contradictions, readBooks } from '#tests/payments/contradictions.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'
import { describeWith } from '#tests/services/describe-with.ts'

const never = new AbortController().signal

describe('races with the provider on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'races with the provider on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let shop: Shop
  beforeAll(async () => {
    shop = await startShop({ dialect })
  })
  afterAll(() => shop?.close())

  /** What settling works with, where the provider does as told. */
  function options(change: Partial<PaymentProvider>) {
    const provider = { ...shop.pay.provider, ...change }
    return { ...shop.backend.parts, provider, tell: async () => {}, requestId: 'test' }
  }

  async function rowOf(no: string): Promise<OrderRow> {
    const row = await findOrder(await shop.backend.database.sql(), idOf(no) ?? '', never)
    if (row === undefined) throw new TypeError('An order is gone')
    return row
  }

  test('a notification that comes while the provider is asked leaves nothing to ask about', async () => {
    const no = await shop.placed()
    let queries = 0
    const query: PaymentProvider['query'] = async () => {
      queries += 1
      if (queries > 1) throw new TypeError('Nobody should ask again')
      shop.pay.standIn.pay(no)
      await shop.pay.standIn.notifyPayment(no)
      return { state: 'open' }
    }

    shop.backend.advance(61_000)
    await pollOrders(options({ query }), never)
    shop.backend.advance(120_000)
    await pollOrders(options({ query }), never)

    expect(await rowOf(no)).toMatchObject({ state: 'paid', poll_at: null })
    expect(queries).toBe(1)
    expect(contradictions(await readBooks(shop.backend.database))).toEqual([])
  })

  test('an order that the provider does not let go of is not closed', async () => {
    const no = await shop.placed()
    const order = await rowOf(no)
    const still = options({ close: async () => {}, query: async () => ({ state: 'open' }) })

    await expect(closeOrder(still, order, 'given_up', never)).rejects.toMatchObject({
      error: 'conflict',
      details: [{ reason: 'still_open' }],
    })

    expect(await rowOf(no)).toMatchObject({ state: 'paying' })
  })

  test('a refund that another call has brought to the provider meanwhile is not closed by its refusal', async () => {
    const no = await shop.paid()
    const refusing = options({
      refund: () => Promise.reject(new Fault('refused_by_provider')),
      queryRefund: async () => ({ state: 'processing', providerId: 'r1' }),
    })
    const asking = { amountFen: 100, reason: undefined, clientKey: undefined, requestId: 'test' }

    const refund = await askRefund(refusing, { ...asking, order: await rowOf(no) }, never)

    expect(refund.state).toBe('processing')
    expect(await rowOf(no)).toMatchObject({ refunding_fen: 100, refunded_fen: 0 })
    await pollRefunds(options({ queryRefund: async () => ({ state: 'succeeded', providerId: 'r1' }) }), never)
  })

  test('money that went although the refund was closed is in the books, and in the log', async () => {
    const no = await shop.paid()
    const { refundNo } = (await shop.call(`/api/v1/orders/${no}/refund`, { body: { amountFen: 40 } })).body
      .data
    shop.pay.standIn.decideRefund(refundNo, 'CLOSED')
    await shop.pay.standIn.notifyRefund(refundNo)

    shop.pay.standIn.decideRefund(refundNo, 'SUCCESS')
    await shop.pay.standIn.notifyRefund(refundNo, { times: 5 })

    expect(await shop.find(no)).toMatchObject({ refundedFen: 40, refunds: [{ status: 'succeeded' }] })
    expect(shop.backend.log.filter((line) => line.includes('payments.refunded_after_all'))).toHaveLength(1)
  })

  test('a refund whose query is refused is asked about later, not at once for ever', async () => {
    const no = await shop.paid()
    const { refundNo } = (await shop.call(`/api/v1/orders/${no}/refund`, { body: { amountFen: 40 } })).body
      .data
    let queries = 0
    const queryRefund: PaymentProvider['queryRefund'] = async () => {
      queries += 1
      throw new Fault('refused_by_provider')
    }

    shop.backend.advance(61_000)
    await pollRefunds(options({ queryRefund }), never)
    const first = queries
    await pollRefunds(options({ queryRefund }), never)

    expect(first).toBeGreaterThan(0)
    expect(queries).toBe(first)
    const { refunds } = await readBooks(shop.backend.database)
    expect(refunds.find(({ id }) => id === idOf(refundNo))).toMatchObject({ state: 'processing', polls: 1 })
  })

  test('a payment of an order that was closed is taken, and somebody hears of it', async () => {
    const no = await shop.placed()
    const sql = await shop.backend.database.sql()
    await sql
      .updateTable('orders')
      .set({ state: 'closed', poll_at: null })
      .where('id', '=', idOf(no) ?? '')
      .execute()
    shop.pay.standIn.pay(no)

    await shop.pay.standIn.notifyPayment(no)

    expect(await rowOf(no)).toMatchObject({ state: 'paid' })
    expect(shop.backend.log.some((line) => line.includes('payments.paid_after_all'))).toBe(true)
  })

  test('the same key with other metadata is another request', async () => {
    const headers = { 'idempotency-key': 'seats' }
    const body = { description: '座位', amountFen: 100 }
    const ask = (seat: number) =>
      shop.call('/api/v1/orders', { body: { ...body, metadata: { seat } }, headers })

    const answers = [await ask(1), await ask(1), await ask(2)]

    expect(answers.map(({ status }) => status)).toEqual([201, 201, 409])
    expect(answers[2]?.body.error).toBe('idempotency_mismatch')
  })

  test.each([
    ['another currency', { amount: { total: 100, currency: 'USD' } }],
    ['a time that is none', { success_time: 'yesterday' }],
    ['a time without minutes in its offset', { success_time: '2026-11-23T20:00:00+08' }],
    ['a NUL in a number', { transaction_id: 'a\u0000b' }],
    ['a number that is too long', { transaction_id: 'a'.repeat(400) }],
  ])('a notification with %s is refused in WeChat Pay’s own form', async (_, resource) => {
    const no = await shop.placed()
    shop.pay.standIn.pay(no)

    const [reply] = await shop.pay.standIn.notifyPayment(no, { resource })

    expect(reply?.status).toBe(400)
    expect(JSON.parse(reply?.text ?? '')).toMatchObject({ code: 'FAIL' })
    expect((await rowOf(no)).state).toBe('paying')
  })
}
