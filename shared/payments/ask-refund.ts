import { createHash } from 'node:crypto'
import type { Queries } from '#shared/db/database.ts'
import { findOrder, type OrderRow, setRefundAside } from '#shared/db/tables/orders.ts'
import { findRefundByKey, insertRefundOnce, type RefundRow } from '#shared/db/tables/refunds.ts'
import { Fault } from '#shared/errors.ts'
import { uuidv7 } from '#shared/ids.ts'
import type { SettleOptions } from './close-order.ts'
import { numberOf } from './order-states.ts'
import { POLL_AFTER_MS } from './place-order.ts'
import { requireOwn } from './provider.ts'
import { pursueRefund } from './pursue-refund.ts'

export interface RefundOptions extends Omit<SettleOptions, 'requestId'> {
  /** How long a notification may take until the provider is asked; a minute unless given. */
  readonly pollAfterMs?: number
}

export interface AskedRefund {
  readonly order: OrderRow
  readonly amountFen: number
  readonly reason: string | undefined
  /** The client's idempotency key: by the same one it gets the same refund. */
  readonly clientKey: string | undefined
  readonly requestId: string
}

/**
 * Keeps a refund and has the provider pay it back. What the provider cannot take just now is asked for again later by
 * `pollRefunds`, so that a refund that was accepted here is never forgotten.
 *
 * @throws Fault conflict for more than is left of what was paid, with `refundableFen`; refused_by_provider with the
 *   provider's reason for what it never pays back
 */
export async function askRefund(
  options: RefundOptions,
  asking: AskedRefund,
  signal: AbortSignal,
): Promise<RefundRow> {
  requireOwn(options.provider, asking.order)
  const { refund, isNew } = await kept(options, asking, signal)
  if (!isNew && refund.state !== 'asked') return refund
  try {
    const pursuing = { ...options, requestId: asking.requestId }
    const { refund: current, refusal } = await pursueRefund(pursuing, refund, asking.order, signal)
    if (refusal !== undefined) throw refusal
    return current
  } catch (error) {
    if (!(error instanceof Fault) || error.error === 'refused_by_provider') throw error
    const facts = { refundNo: numberOf(refund.id), requestId: asking.requestId, cause: error }
    options.logger.warn('payments.refund_postponed', facts)
    return refund
  }
}

async function kept(
  { database, clock, pollAfterMs = POLL_AFTER_MS }: RefundOptions,
  { order, amountFen, reason, clientKey }: AskedRefund,
  signal: AbortSignal,
): Promise<{ readonly refund: RefundRow; readonly isNew: boolean }> {
  const now = new Date(clock())
  const row: RefundRow = {
    id: uuidv7(now.getTime()),
    order_id: order.id,
    client_key: clientKey === undefined ? null : createHash('sha256').update(clientKey).digest('hex'),
    state: 'asked',
    amount_fen: amountFen,
    reason: reason ?? null,
    provider_id: null,
    poll_at: new Date(now.getTime() + pollAfterMs),
    polls: 0,
    created_at: now,
    updated_at: now,
  }
  const sql = await database.sql()
  const isNew = await sql.transaction().execute(async (own) => {
    if (!(await insertRefundOnce({ sql: own, dialect: database.dialect }, row, signal))) return false
    if (await setRefundAside(own, { id: order.id, amountFen, now }, signal)) return true
    throw notRefundable((await findOrder(own, order.id, signal)) ?? order)
  })
  return isNew ? { refund: row, isNew } : { refund: await firstOf(sql, row, signal), isNew }
}

async function firstOf(sql: Queries, row: RefundRow, signal: AbortSignal): Promise<RefundRow> {
  const key = { orderId: row.order_id, clientKey: row.client_key ?? '' }
  const first = await findRefundByKey(sql, key, signal)
  if (first === undefined) throw new TypeError('A refund that is there cannot be found')
  if (first.amount_fen !== row.amount_fen || first.reason !== row.reason)
    throw new Fault('idempotency_mismatch')
  return first
}

function notRefundable(order: OrderRow): Fault {
  if (order.state !== 'paid')
    return new Fault('conflict', { details: [{ reason: 'not_paid', state: order.state }] })
  const refundableFen = order.amount_fen - order.refunding_fen - order.refunded_fen
  return new Fault('conflict', { details: [{ reason: 'more_than_is_left', refundableFen }] })
}
