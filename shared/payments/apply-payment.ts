import type { Queries } from '#shared/db/database.ts'
import { findOrder, moveOrder, type OrderRow } from '#shared/db/tables/orders.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { CAME_FROM, numberOf } from './order-states.ts'
import type { Paid } from './provider.ts'

/** Keeps what others are to be told, in the transaction of what it tells of. */
export type Tell = (
  sql: Queries,
  news: { readonly topic: string; readonly payload: unknown; readonly requestId: string },
  signal: AbortSignal,
) => Promise<void>

export interface ApplyOptions {
  readonly tell: Tell
  readonly logger: Logger
  readonly now: Date
  /** Of the call that the news came by. */
  readonly requestId: string
}

/** What came of being told that an order is paid: `known` when it already was. */
export type Applied = 'paid' | 'known' | 'wrong_amount'

/**
 * Makes an order paid, once, however often and from wherever the news comes. A payment of another amount than the order's
 * changes nothing: a person has to look.
 */
export async function applyPayment(
  { tell, logger, now, requestId }: ApplyOptions,
  { sql, order, paid }: { readonly sql: Queries; readonly order: OrderRow; readonly paid: Paid },
  signal: AbortSignal,
): Promise<Applied> {
  if (paid.amountFen !== order.amount_fen) {
    const facts = { orderNo: numberOf(order.id), amountFen: order.amount_fen, paidFen: paid.amountFen }
    logger.error('payments.wrong_amount', facts)
    return 'wrong_amount'
  }
  const { transactionId, paidAt } = paid
  const to = {
    state: 'paid',
    reason: null,
    transaction_id: transactionId,
    paid_at: paidAt,
    poll_at: null,
    updated_at: now,
  } as const
  const facts = { orderNo: numberOf(order.id), requestId }
  if (!(await moveOrder(sql, { id: order.id, from: CAME_FROM.paid, to }, signal))) {
    const current = (await findOrder(sql, order.id, signal)) ?? order
    if (current.transaction_id !== transactionId)
      logger.error('payments.paid_twice', { ...facts, transactionId })
    return 'known'
  }
  // Somebody has to give the money back, or the goods.
  if (order.state === 'closed' || order.state === 'failed')
    logger.error('payments.paid_after_all', { ...facts, state: order.state })
  const payload = { no: numberOf(order.id), amountFen: order.amount_fen, paidAt: paidAt.toISOString() }
  const metadata: unknown = JSON.parse(order.metadata)
  await tell(sql, { topic: 'order.paid', payload: { ...payload, metadata }, requestId }, signal)
  return 'paid'
}
