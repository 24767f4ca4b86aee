import { listDueOrders, moveOrder, type OrderRow, postponeOrder } from '#shared/db/tables/orders.ts'
import { closeOrder, type SettleOptions, settlePaid } from './close-order.ts'
import { nextPollAt } from './next-poll.ts'
import { CAME_FROM, numberOf } from './order-states.ts'
import { pollDue } from './poll-due.ts'

export type PollOptions = Omit<SettleOptions, 'requestId'>

/**
 * Asks the provider about orders that no notification has settled, less and less often: those that are paid become so, those
 * whose time is over are closed. Orders of another provider wait until that is asked again. May run twice at once. How many orders it asked about.
 */
export function pollOrders(polling: PollOptions, signal: AbortSignal): Promise<number> {
  const { database, clock, logger, provider } = polling
  const options = { ...polling, requestId: 'reconcile' }
  const due = async (limit: number) =>
    listDueOrders(await database.sql(), { provider: provider.name, now: new Date(clock()), limit }, signal)
  const poll = (order: OrderRow) => pollOrder(options, order, signal)

  async function later(order: OrderRow, cause: unknown): Promise<void> {
    logger.warn('payments.not_polled', { orderNo: numberOf(order.id), cause })
    await postpone(options, order, signal)
  }

  return pollDue({ due, poll, postpone: later }, signal)
}

async function pollOrder(options: SettleOptions, order: OrderRow, signal: AbortSignal): Promise<void> {
  const { database, clock, provider } = options
  const state = await provider.query(order, signal)
  const now = new Date(clock())
  if (state.state === 'paid') {
    const applied = await settlePaid(options, order, state, signal)
    if (applied === 'wrong_amount') await postpone(options, order, signal)
  } else if (state.state === 'closed') {
    const to = { state: 'closed', reason: 'closed_by_provider', poll_at: null, updated_at: now } as const
    await moveOrder(await database.sql(), { id: order.id, from: CAME_FROM.closed, to }, signal)
  } else if (order.expires_at <= now) await closeOrder(options, order, 'expired', signal)
  else await postpone(options, order, signal)
}

async function postpone(
  { database, clock }: PollOptions,
  order: OrderRow,
  signal: AbortSignal,
): Promise<void> {
  const seen = { id: order.id, polls: order.polls }
  await postponeOrder(await database.sql(), { ...seen, pollAt: nextPollAt(clock(), order.polls) }, signal)
}
