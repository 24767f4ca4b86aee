import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { moveOrder, type OrderRow } from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { type Applied, applyPayment, type Tell } from './apply-payment.ts'
import { CAME_FROM } from './order-states.ts'
import { type Paid, type PaymentProvider, requireOwn } from './provider.ts'

export interface SettleOptions {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly provider: PaymentProvider
  readonly tell: Tell
  /** Of the call that it comes about in. */
  readonly requestId: string
}

/**
 * Gives an order up: first at the provider, so that nobody can pay what we call closed. A payer who was faster has paid it.
 * False when it is paid.
 *
 * @throws Fault conflict while the provider does not let go of it
 */
export async function closeOrder(
  options: SettleOptions,
  order: OrderRow,
  reason: 'expired' | 'given_up',
  signal: AbortSignal,
): Promise<boolean> {
  const { database, clock, provider } = options
  requireOwn(provider, order)
  await provider.close(order, signal)
  const state = await provider.query(order, signal)
  if (state.state === 'paid') {
    await settlePaid(options, order, state, signal)
    return false
  }
  // A payer who is just paying: what is not closed there must not be closed here.
  if (state.state === 'open')
    throw new Fault('conflict', { details: [{ reason: 'still_open' }], retryAfterS: 5 })
  const to = { state: 'closed', reason, poll_at: null, updated_at: new Date(clock()) } as const
  await moveOrder(await database.sql(), { id: order.id, from: CAME_FROM.closed, to }, signal)
  return true
}

/** Keeps a payment that the provider told of when it was asked. */
export async function settlePaid(
  { database, clock, ...options }: SettleOptions,
  order: OrderRow,
  paid: Paid,
  signal: AbortSignal,
): Promise<Applied> {
  const applying = { ...options, now: new Date(clock()) }
  const sql = await database.sql()
  return sql.transaction().execute((own) => applyPayment(applying, { sql: own, order, paid }, signal))
}
