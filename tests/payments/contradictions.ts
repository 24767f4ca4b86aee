import type { Database } from '#shared/db/database.ts'
import type { OrderRow } from '#shared/db/tables/orders.ts'
import type { OutboxRow } from '#shared/db/tables/outbox.ts'
import type { RefundRow } from '#shared/db/tables/refunds.ts'
import { numberOf } from '#shared/payments/order-states.ts'

/** All rows about orders, whatever they are. */
export interface Books {
  readonly orders: readonly OrderRow[]
  readonly refunds: readonly RefundRow[]
  readonly outbox: readonly OutboxRow[]
  readonly inbox: readonly { readonly source: string; readonly dedupe_key: string }[]
}

export async function readBooks(database: Database): Promise<Books> {
  const sql = await database.sql()
  const [orders, refunds, outbox, inbox] = await Promise.all([
    sql.selectFrom('orders').selectAll().execute(),
    sql.selectFrom('refunds').selectAll().execute(),
    sql.selectFrom('outbox').selectAll().execute(),
    sql.selectFrom('inbox').select(['source', 'dedupe_key']).execute(),
  ])
  return { orders, refunds, outbox, inbox }
}

/** What must never be so, at any moment, whoever dies when: one line for each thing that is. */
export function contradictions({ orders, refunds, outbox, inbox }: Books): readonly string[] {
  const found: string[] = []
  for (const order of orders) {
    const own = refunds.filter((refund) => refund.order_id === order.id)
    const sumOf = (...states: readonly RefundRow['state'][]) =>
      own.filter(({ state }) => states.includes(state)).reduce((sum, { amount_fen: fen }) => sum + fen, 0)
    const no = numberOf(order.id)
    const isPaid = order.state === 'paid'
    check(isPaid === (order.transaction_id !== null), `${no}: paid without a transaction, or the reverse`)
    const isOver = order.state !== 'created' && order.state !== 'paying'
    check(!isOver || order.poll_at === null, `${no}: ${order.state}, and asked about for ever`)
    check(isPaid === (order.paid_at !== null), `${no}: paid at no time, or the reverse`)
    check(
      told('order.paid', 'no', no) === Number(isPaid),
      `${no}: ${order.state}, told ${told('order.paid', 'no', no)} times`,
    )
    check(
      order.refunding_fen === sumOf('asked', 'processing', 'abnormal'),
      `${no}: another sum is being refunded`,
    )
    check(order.refunded_fen === sumOf('succeeded'), `${no}: another sum was refunded`)
    check(
      order.refunding_fen + order.refunded_fen <= order.amount_fen,
      `${no}: more is refunded than was paid`,
    )
  }
  for (const { id, state } of refunds) {
    const times = told('order.refunded', 'refundNo', numberOf(id))
    check(times === Number(state === 'succeeded'), `${numberOf(id)}: ${state}, told ${times} times`)
  }
  const keys = inbox.map(({ source, dedupe_key: key }) => `${source} ${key}`)
  check(new Set(keys).size === keys.length, 'a notification was kept twice')
  return found

  function check(isSo: boolean, what: string): void {
    if (!isSo) found.push(what)
  }

  function told(topic: string, name: string, value: string): number {
    return outbox.filter((row) => row.topic === topic && JSON.parse(row.payload)[name] === value).length
  }
}
