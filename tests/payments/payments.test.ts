import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createVerify } from 'node:crypto'
import type { Database, Dialect } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { OrderRow } from '#shared/db/tables/orders.ts'
import type { RefundRow } from '#shared/db/tables/refunds.ts'
import { applyPayment } from '#shared/payments/apply-payment.ts'
import { idOf, numberOf, orderStatus } from '#shared/payments/order-states.ts'
import { type NewOrder, placeOrder } from '#shared/payments/place-order.ts'
import type { Paid } from '#shared/payments/provider.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { testDatabase } from '#tests/services/test-database.ts'
import { APP_ID, type PaySetting, startPay } from '#tests/wechat-pay/stand-in.ts'

const never = new AbortController().signal
const USER = '01a2097f-5630-76e4-b8a4-13853fbf3a46'

describe('orders on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'orders on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let database: Database
  let pay: PaySetting
  let close: () => Promise<void>
  let told: unknown[]
  let log: string[]
  const nowMs = Date.UTC(2026, 10, 23, 12)
  const clock = () => nowMs
  beforeEach(async () => {
    const own = await testDatabase(dialect)
    database = openDatabase({ url: new URL(own.url), poolSize: 4, clock })
    pay = await startPay(clock)
    told = []
    log = []
    close = async () => {
      await Promise.all([database.close(), pay.standIn.stop()])
      await own.close()
    }
  })
  afterEach(() => close())

  const NEW: NewOrder = {
    userId: USER,
    openid: 'obyt2nO-IK6rOKbjmMMmbXE-jnux',
    description: '月饼礼盒',
    amountFen: 19_900,
    metadata: { sku: 'mooncake' },
    clientKey: 'key-1',
  }

  const place = (change: Partial<NewOrder> = {}) =>
    placeOrder({ database, clock, provider: pay.provider }, { ...NEW, ...change }, never)

  async function orders(): Promise<OrderRow[]> {
    return (await database.sql()).selectFrom('orders').selectAll().execute()
  }

  async function apply(order: OrderRow, paid: Paid) {
    const logger = createLogger({ clock, write: (line) => log.push(line) })
    const options = {
      tell: async (_: unknown, news: unknown) => void told.push(news),
      logger,
      now: new Date(nowMs),
      requestId: 'r-1',
    }
    const sql = await database.sql()
    return sql.transaction().execute((own) => applyPayment(options, { sql: own, order, paid }, never))
  }

  test('an order is prepared, and the client gets what wx.requestPayment wants', async () => {
    const { order, prepared } = await place()

    const payment = pay.provider.payment(prepared)

    const signed = ['timeStamp', 'nonceStr', 'package'].map((name) => payment[name] ?? '')
    const verifier = createVerify('RSA-SHA256').update([APP_ID, ...signed, ''].join('\n'))
    expect(verifier.verify(pay.standIn.account.merchantPublicKey, payment['paySign'] ?? '', 'base64')).toBe(
      true,
    )
    expect(payment['package']).toBe(`prepay_id=${prepared.prepayId}`)
    expect(await orders()).toMatchObject([
      { id: order.id, state: 'paying', amount_fen: 19_900, prepay_id: prepared.prepayId },
    ])
    expect(await pay.provider.query(order, never)).toEqual({ state: 'open' })
  })

  test('the same key is the same order, also when the provider failed in between', async () => {
    pay.standIn.fail({ status: 500, code: 'SYSTEM_ERROR', times: 4 })
    await expect(place()).rejects.toMatchObject({ error: 'upstream_failed' })

    const [first, second] = [await place(), await place()]

    expect(second.order.id).toBe(first.order.id)
    expect(second.prepared).toEqual(first.prepared)
    expect(await orders()).toHaveLength(1)
    await expect(place({ amountFen: 1 })).rejects.toMatchObject({ error: 'idempotency_mismatch' })
    expect((await place({ clientKey: undefined })).order.id).not.toBe(first.order.id)
    expect((await place({ clientKey: undefined })).order.id).not.toBe(first.order.id)
  })

  test('an order that the provider never takes has failed, and says so to whoever comes again', async () => {
    pay.standIn.fail({ status: 400, code: 'PARAM_ERROR', times: 1 })

    await expect(place()).rejects.toMatchObject({
      error: 'refused_by_provider',
      details: [{ reason: 'param_error' }],
    })

    expect(await orders()).toMatchObject([{ state: 'failed', reason: 'refused_by_provider' }])
    await expect(place()).rejects.toMatchObject({ error: 'conflict' })
  })

  test('fifty times the news of a payment make it paid once, and it is told once', async () => {
    const { order } = await place()
    pay.standIn.pay(numberOf(order.id))
    const paid = (await pay.provider.query(order, never)) as Paid

    const applied = await Promise.all(Array.from({ length: 50 }, () => apply(order, paid)))

    expect(applied.filter((each) => each === 'paid')).toHaveLength(1)
    expect(applied.filter((each) => each === 'known')).toHaveLength(49)
    expect(told).toEqual([
      {
        topic: 'order.paid',
        payload: {
          no: numberOf(order.id),
          amountFen: 19_900,
          paidAt: paid.paidAt.toISOString(),
          metadata: { sku: 'mooncake' },
        },
        requestId: 'r-1',
      },
    ])
    expect(await orders()).toMatchObject([
      { state: 'paid', transaction_id: paid.transactionId, poll_at: null },
    ])
  })

  test('a payment of another amount changes nothing, and is told to the log', async () => {
    const { order } = await place()

    const applied = await apply(order, {
      state: 'paid',
      transactionId: 't',
      amountFen: 1,
      paidAt: new Date(nowMs),
    })

    expect(applied).toBe('wrong_amount')
    expect(await orders()).toMatchObject([{ state: 'paying' }])
    expect(log.some((line) => line.includes('payments.wrong_amount'))).toBe(true)
  })

  test('closing, paying and paying back go through the provider, each the same however often', async () => {
    const { order: closed } = await place({ clientKey: 'a' })
    const { order: paid } = await place({ clientKey: 'b' })
    pay.standIn.pay(numberOf(paid.id))
    const refund = {
      id: '01a2097f-5630-76e4-b8a4-13853fbf3a47',
      amount_fen: 900,
      reason: '不想要了',
    } as RefundRow

    await pay.provider.close(closed, never)
    await pay.provider.close(closed, never)
    await pay.provider.close(paid, never)
    const asked = [
      await pay.provider.refund(refund, paid, never),
      await pay.provider.refund(refund, paid, never),
    ]
    pay.standIn.decideRefund(numberOf(refund.id), 'SUCCESS')

    expect(await pay.provider.query(closed, never)).toEqual({ state: 'closed' })
    expect(await pay.provider.query(paid, never)).toMatchObject({ state: 'paid', amountFen: 19_900 })
    expect(asked.map(({ state }) => state)).toEqual(['processing', 'processing'])
    expect(await pay.provider.queryRefund(refund, never)).toMatchObject({ state: 'succeeded' })
    expect(await pay.provider.queryRefund({ ...refund, id: USER }, never)).toBeUndefined()
    expect(await pay.provider.query({ ...paid, id: USER }, never)).toEqual({ state: 'unknown' })
  })
}

test('a status counts refunds from the moment they are asked for', () => {
  const paid = { state: 'paid', amount_fen: 100, refunding_fen: 0, refunded_fen: 0 } as const

  expect(orderStatus(paid)).toBe('paid')
  expect(orderStatus({ ...paid, refunding_fen: 40 })).toBe('refunding')
  expect(orderStatus({ ...paid, refunded_fen: 40 })).toBe('paid')
  expect(orderStatus({ ...paid, refunded_fen: 100 })).toBe('refunded')
  expect(orderStatus({ ...paid, state: 'closed', refunding_fen: 40 })).toBe('closed')
})

test('numbers are ids without dashes, and nothing else is a number', () => {
  expect(idOf(numberOf(USER))).toBe(USER)
  for (const text of ['', USER, numberOf(USER).toUpperCase(), `${numberOf(USER)}0`])
    expect(idOf(text)).toBeUndefined()
})
