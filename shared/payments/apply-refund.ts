import type { Queries } from '#shared/db/database.ts'
import { endRefunding, type OrderRow } from '#shared/db/tables/orders.ts'
import { moveRefund, type RefundRow, type RefundState } from '#shared/db/tables/refunds.ts'
import type { ApplyOptions } from './apply-payment.ts'
import { numberOf, REFUND_CAME_FROM } from './order-states.ts'

export interface RefundResult {
  readonly sql: Queries
  readonly refund: RefundRow
  readonly order: OrderRow
  readonly state: Exclude<RefundState, 'asked' | 'processing'>
  readonly providerId: string | null
}

const TOPICS = {
  succeeded: 'order.refunded',
  closed: 'order.refund_closed',
  abnormal: 'order.refund_abnormal',
} as const satisfies Record<RefundResult['state'], string>

/** Keeps what became of a refund, once, however often and from wherever the news comes. False when it was known. */
export async function applyRefund(
  { tell, logger, now, requestId }: ApplyOptions,
  { sql, refund, order, state, providerId }: RefundResult,
  signal: AbortSignal,
): Promise<boolean> {
  const { id, amount_fen: amountFen } = refund
  const isOver = state !== 'abnormal'
  const to = {
    state,
    updated_at: now,
    ...(providerId === null ? {} : { provider_id: providerId }),
    // Somebody has to see to an abnormal one at the provider; what comes of that is asked for now and then.
    ...(isOver ? { poll_at: null } : {}),
  } as const
  const facts = { no: numberOf(order.id), refundNo: numberOf(id), amountFen }
  const refundedFen = state === 'succeeded' ? amountFen : 0
  if (await moveRefund(sql, { id, from: REFUND_CAME_FROM[state], to }, signal)) {
    if (isOver) await endRefunding(sql, { id: order.id, amountFen, refundedFen, now }, signal)
  } else {
    // What was closed has given its sum back, and yet the money went: the books follow the money.
    const after = { id, from: ['closed'], to } as const
    if (state !== 'succeeded' || !(await moveRefund(sql, after, signal))) return false
    await endRefunding(sql, { id: order.id, amountFen: 0, refundedFen, now }, signal)
    logger.error('payments.refunded_after_all', { ...facts, requestId })
  }
  if (state !== 'succeeded') logger.error(`payments.refund_${state}`, { ...facts, requestId })
  const metadata: unknown = JSON.parse(order.metadata)
  await tell(sql, { topic: TOPICS[state], payload: { ...facts, metadata }, requestId }, signal)
  return true
}
