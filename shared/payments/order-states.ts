import type { OrderRow, OrderState } from '#shared/db/tables/orders.ts'
import type { RefundState } from '#shared/db/tables/refunds.ts'

/**
 * From which states an order comes into each: it never goes back. An order that was closed may still be paid, when the
 * payer was faster than the closing: the money is there, and somebody has to give it back.
 */
export const CAME_FROM = {
  created: [],
  paying: ['created'],
  closed: ['created', 'paying'],
  failed: ['created', 'paying'],
  paid: ['created', 'paying', 'closed', 'failed'],
} as const satisfies Record<OrderState, readonly OrderState[]>

/** From which states a refund comes into each. An abnormal one may still be put right by a person at the provider. */
export const REFUND_CAME_FROM = {
  asked: [],
  processing: ['asked'],
  succeeded: ['asked', 'processing', 'abnormal'],
  closed: ['asked', 'processing', 'abnormal'],
  abnormal: ['asked', 'processing'],
} as const satisfies Record<RefundState, readonly RefundState[]>

/** What a client is told; refunds count from the moment they are asked for. */
export type OrderStatus = OrderState | 'refunding' | 'refunded'

export function orderStatus({
  state,
  amount_fen: amountFen,
  refunding_fen: refundingFen,
  refunded_fen: refundedFen,
}: Pick<OrderRow, 'state' | 'amount_fen' | 'refunding_fen' | 'refunded_fen'>): OrderStatus {
  if (state !== 'paid') return state
  if (refundedFen >= amountFen) return 'refunded'
  return refundingFen > 0 ? 'refunding' : 'paid'
}

/** The number of an order or a refund at its provider. */
export function numberOf(id: string): string {
  return id.replaceAll('-', '')
}

/** The id that a number stands for; undefined for what is no number of ours. */
export function idOf(number: string): string | undefined {
  const parts = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(number)
  return parts?.slice(1).join('-')
}
