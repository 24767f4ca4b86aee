import { findOrder } from '#shared/db/tables/orders.ts'
import { listDueRefunds, postponeRefund, type RefundRow } from '#shared/db/tables/refunds.ts'
import type { SettleOptions } from './close-order.ts'
import { nextPollAt } from './next-poll.ts'
import { numberOf } from './order-states.ts'
import { pollDue } from './poll-due.ts'
import type { PollOptions } from './poll-orders.ts'
import { pursueRefund } from './pursue-refund.ts'

const STUCK_POLLS = 10

/**
 * Asks the provider again for refunds that it could not take, and about those that no notification has settled, less and
 * less often. May run twice at once. How many refunds it asked about.
 */
export function pollRefunds(polling: PollOptions, signal: AbortSignal): Promise<number> {
  const { database, clock, logger, provider } = polling
  const options = { ...polling, requestId: 'reconcile' }
  const due = async (limit: number) =>
    listDueRefunds(await database.sql(), { provider: provider.name, now: new Date(clock()), limit }, signal)
  const poll = (refund: RefundRow) => pollRefund(options, refund, signal)

  async function later(refund: RefundRow, cause: unknown): Promise<void> {
    // Hours later it is no passing failure any more, and the money is set aside all the while.
    const level = refund.polls >= STUCK_POLLS ? 'error' : 'warn'
    logger[level]('payments.not_polled', { refundNo: numberOf(refund.id), polls: refund.polls, cause })
    await postpone(options, refund, signal)
  }

  return pollDue({ due, poll, postpone: later }, signal)
}

async function pollRefund(options: SettleOptions, refund: RefundRow, signal: AbortSignal): Promise<void> {
  const order = await findOrder(await options.database.sql(), refund.order_id, signal)
  if (order === undefined) throw new TypeError('The order of a refund cannot be found')
  const { state } = (await pursueRefund(options, refund, order, signal)).refund
  if (state === 'processing' || state === 'abnormal') await postpone(options, refund, signal)
}

async function postpone(
  { database, clock }: PollOptions,
  refund: RefundRow,
  signal: AbortSignal,
): Promise<void> {
  const seen = { id: refund.id, polls: refund.polls }
  await postponeRefund(await database.sql(), { ...seen, pollAt: nextPollAt(clock(), refund.polls) }, signal)
}
