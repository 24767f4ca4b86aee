import type { OrderRow } from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import type { RefundRow } from '#shared/db/tables/refunds.ts'

/** By which orders know WeChat Pay. */
export const WECHAT_PAY = 'wechat-pay'

/** Who takes the money. Every call may be made again with the same order or refund, and then means the same. */
export interface PaymentProvider {
  /** By which orders know it, and under which its notifications are kept. */
  readonly name: string
  /**
   * Has the provider wait for the payer.
   *
   * @throws Fault refused_by_provider when it will never take this order; any other fault may pass
   */
  prepare(order: OrderRow, payer: Payer, signal: AbortSignal): Promise<Prepared>
  /** What the client pays with; no I/O. */
  payment(prepared: Prepared): Readonly<Record<string, string>>
  query(order: OrderRow, signal: AbortSignal): Promise<PaymentState>
  /** Nobody can pay it from now on. One that is paid stays so. */
  close(order: OrderRow, signal: AbortSignal): Promise<void>
  /** @throws Fault refused_by_provider for what it never pays back; any other fault may pass */
  refund(refund: RefundRow, order: OrderRow, signal: AbortSignal): Promise<RefundProgress>
  queryRefund(refund: RefundRow, signal: AbortSignal): Promise<RefundProgress | undefined>
}

export interface Payer {
  readonly openid: string
}

export interface Prepared {
  readonly prepayId: string
}

/** What a provider knows of an order; `unknown`: it was never asked to prepare it. */
export type PaymentState = Paid | { readonly state: 'open' | 'closed' | 'unknown' }

export interface Paid {
  readonly state: 'paid'
  readonly transactionId: string
  /** What was asked for; a payer with a coupon pays less. */
  readonly amountFen: number
  readonly paidAt: Date
}

export interface RefundProgress {
  readonly state: 'processing' | 'succeeded' | 'closed' | 'abnormal'
  readonly providerId: string
}

/** @throws Fault conflict for an order whose money somebody else takes, as before the settings were changed */
export function requireOwn({ name }: PaymentProvider, order: OrderRow): void {
  if (order.provider !== name)
    throw new Fault('conflict', { details: [{ reason: 'another_provider', provider: order.provider }] })
}
