import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { listDueOrders, moveOrder, type OrderRow } from '#shared/db/tables/orders.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { applyPayment, type Tell } from './apply-payment.ts'
import { CAME_FROM, numberOf } from './order-states.ts'
import type { PaymentProvider } from './provider.ts'

export interface PollOptions {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly provider: PaymentProvider
  readonly tell: Tell
}

const BATCH = 50
const MINUTE_MS = 60_000
const LONGEST_WAIT_MS = 64 * MINUTE_MS

/**
 * Asks the provider about orders that no notification has settled, less and less often: those that are paid become so, those
 * whose time is over are closed. May run twice at once. How many orders it asked about.
 */
export async function pollOrders(options: PollOptions, signal: AbortSignal): Promise<number> {
  const { database, clock, logger } = options
  const due = await listDueOrders(await database.sql(), { now: new Date(clock()), limit: BATCH }, signal)
  for (const order of due) {
    await poll(options, order, signal).catch(async (cause: unknown) => {
      signal.throwIfAborted()
      logger.warn('payments.not_polled', { orderNo: numberOf(order.id), cause })
      await postpone(options, order, signal)
    })
  }
  return due.length
}

async function poll(options: PollOptions, order: OrderRow, signal: AbortSignal): Promise<void> {
  const { database, clock, logger, provider, tell } = options
  const state = await provider.query(order, signal)
  const now = new Date(clock())
  if (state.state === 'paid') {
    const applying = { tell, logger, now, requestId: 'reconcile' }
    const sql = await database.sql()
    const applied = await sql
      .transaction()
      .execute((own) => applyPayment(applying, { sql: own, order, paid: state }, signal))
    if (applied === 'wrong_amount') await postpone(options, order, signal)
    return
  }
  const isOver = state.state === 'closed' || order.expires_at <= now
  if (!isOver) return postpone(options, order, signal)
  // Closed at the provider first: nobody can pay what we call closed.
  if (state.state === 'open') await provider.close(order, signal)
  const to = { state: 'closed', reason: 'expired', poll_at: null, updated_at: now } as const
  await moveOrder(await database.sql(), { id: order.id, from: CAME_FROM.closed, to }, signal)
}

async function postpone(
  { database, clock }: PollOptions,
  order: OrderRow,
  signal: AbortSignal,
): Promise<void> {
  const waitMs = Math.min(MINUTE_MS * 2 ** order.polls, LONGEST_WAIT_MS)
  const to = { poll_at: new Date(clock() + waitMs), polls: order.polls + 1 }
  const from = ['created', 'paying', 'closed', 'failed', 'paid'] as const
  await moveOrder(await database.sql(), { id: order.id, from, to }, signal)
}
