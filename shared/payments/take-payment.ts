import type { Database } from '#shared/db/database.ts'
import { type InboxMessage, takeOnce } from '#shared/db/take-once.ts'
import { findOrder } from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import { applyPayment, type ApplyOptions } from './apply-payment.ts'
import { idOf } from './order-states.ts'
import type { Paid } from './provider.ts'

/** News that an order is paid, from outside. */
export interface PaymentNews extends InboxMessage {
  /** The order's number. */
  readonly no: string
  readonly paid: Paid
}

export type TakeOptions = Omit<ApplyOptions, 'requestId'> & { readonly database: Database }

/**
 * Keeps the news and makes the order paid.
 *
 * @throws Fault not_found for an order that is not ours, validation_failed for another amount: nothing is kept then, so
 *   that it is told again
 */
export async function takePayment(
  options: TakeOptions,
  news: PaymentNews,
  signal: AbortSignal,
): Promise<void> {
  const id = idOf(news.no)
  const order = id === undefined ? undefined : await findOrder(await options.database.sql(), id, signal)
  // Nobody settles what others take the money of.
  if (order?.provider !== news.source)
    throw new Fault('not_found', { details: [{ reason: 'unknown_order' }] })
  const applying = { ...options, requestId: news.requestId }
  await takeOnce(
    options,
    news,
    async (sql) => {
      const applied = await applyPayment(applying, { sql, order, paid: news.paid }, signal)
      if (applied === 'wrong_amount')
        throw new Fault('validation_failed', { details: [{ reason: 'wrong_amount' }] })
    },
    signal,
  )
}
