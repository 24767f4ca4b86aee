import type { OrderRow } from '#shared/db/tables/orders.ts'
import type { RefundRow } from '#shared/db/tables/refunds.ts'
import { numberOf, orderStatus } from './order-states.ts'

/** An order as who placed it sees it. */
export function presentOrder(order: OrderRow) {
  return {
    no: numberOf(order.id),
    status: orderStatus(order),
    description: order.description,
    amountFen: order.amount_fen,
    refundedFen: order.refunded_fen,
    metadata: JSON.parse(order.metadata),
    paidAt: order.paid_at?.toISOString() ?? null,
    expiresAt: order.expires_at.toISOString(),
    createdAt: order.created_at.toISOString(),
  }
}

/** The same of what is paid back of it. */
export function presentRefund(refund: RefundRow) {
  const { id, order_id: orderId, state, amount_fen: amountFen, reason, created_at: createdAt } = refund
  // Whether the provider has it yet is of no use to a client.
  const status = state === 'asked' ? 'processing' : state
  const [refundNo, no] = [numberOf(id), numberOf(orderId)]
  return { refundNo, no, status, amountFen, reason, createdAt: createdAt.toISOString() }
}
