import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import {
  findOrder,
  findOrderByKey,
  insertOrderOnce,
  moveOrder,
  type OrderRow,
} from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import { uuidv7 } from '#shared/ids.ts'
import { CAME_FROM } from './order-states.ts'
import type { PaymentProvider, Prepared } from './provider.ts'

export interface PlaceOrderOptions {
  readonly database: Database
  readonly clock: Clock
  readonly provider: PaymentProvider
  /** How long a notification may take until the provider is asked; a minute unless given. */
  readonly pollAfterMs?: number
}

export interface NewOrder {
  readonly userId: string
  readonly openid: string
  readonly description: string
  readonly amountFen: number
  readonly metadata: unknown
  /** The client's idempotency key: by the same one it gets the same order. */
  readonly clientKey: string | undefined
}

export interface PlacedOrder {
  readonly order: OrderRow
  readonly prepared: Prepared
}

const PAYABLE_MS = 2 * 3_600_000
export const POLL_AFTER_MS = 60_000

/**
 * Keeps an order, then has the provider prepare it: a call that fails in between leaves an order that the same key goes on
 * with, and that nobody has paid.
 *
 * @throws Fault of the provider; conflict when the order of the key can no longer be paid
 */
export async function placeOrder(
  { database, clock, provider, pollAfterMs = POLL_AFTER_MS }: PlaceOrderOptions,
  placing: NewOrder,
  signal: AbortSignal,
): Promise<PlacedOrder> {
  const order = await kept({ database, clock, provider, pollAfterMs }, placing, signal)
  if (order.prepay_id !== null && order.state === 'paying')
    return { order, prepared: { prepayId: order.prepay_id } }
  if (order.state !== 'created') throw over(order)
  const prepared = await provider.prepare(order, placing, signal).catch(async (error: unknown) => {
    if (error instanceof Fault && error.error === 'refused_by_provider') await fail(order)
    throw error
  })
  const now = clock()
  const to = {
    state: 'paying',
    prepay_id: prepared.prepayId,
    poll_at: new Date(now + pollAfterMs),
    updated_at: new Date(now),
  } as const
  const sql = await database.sql()
  if (await moveOrder(sql, { id: order.id, from: CAME_FROM.paying, to }, signal))
    return { order: { ...order, ...to }, prepared }
  // Another call with the same key was faster, or the order was closed in the meantime.
  const current = (await findOrder(sql, order.id, signal)) ?? order
  if (current.state !== 'paying') throw over(current)
  return { order: current, prepared }

  async function fail({ id }: OrderRow): Promise<void> {
    const failed = {
      state: 'failed',
      reason: 'refused_by_provider',
      poll_at: null,
      updated_at: new Date(clock()),
    } as const
    await moveOrder(await database.sql(), { id, from: CAME_FROM.failed, to: failed }, signal)
  }
}

function over({ state }: OrderRow): Fault {
  return new Fault('conflict', { details: [{ reason: 'order_over', state }] })
}

async function kept(
  { database, clock, provider, pollAfterMs = POLL_AFTER_MS }: PlaceOrderOptions,
  { userId, description, amountFen, metadata, clientKey }: NewOrder,
  signal: AbortSignal,
): Promise<OrderRow> {
  const now = clock()
  const sql = await database.sql()
  const row: OrderRow = {
    id: uuidv7(now),
    user_id: userId,
    client_key: clientKey === undefined ? null : createHash('sha256').update(clientKey).digest('hex'),
    provider: provider.name,
    state: 'created',
    reason: null,
    description,
    amount_fen: amountFen,
    metadata: JSON.stringify(metadata ?? {}),
    prepay_id: null,
    transaction_id: null,
    refunding_fen: 0,
    refunded_fen: 0,
    expires_at: new Date(now + PAYABLE_MS),
    // Also when nobody lives to see the provider's answer, somebody asks what became of it.
    poll_at: new Date(now + pollAfterMs),
    polls: 0,
    paid_at: null,
    created_at: new Date(now),
    updated_at: new Date(now),
  }
  if (await insertOrderOnce({ sql, dialect: database.dialect }, row, signal)) return row
  const first = await findOrderByKey(sql, { userId, clientKey: row.client_key ?? '' }, signal)
  if (first === undefined) throw new TypeError('An order that is there cannot be found')
  const isSame = first.amount_fen === amountFen && first.description === description
  if (!isSame || first.metadata !== row.metadata) throw new Fault('idempotency_mismatch')
  return first
}
