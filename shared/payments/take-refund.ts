import { type InboxMessage, takeOnce } from '#shared/db/take-once.ts'
import { findOrder } from '#shared/db/tables/orders.ts'
import { findRefund } from '#shared/db/tables/refunds.ts'
import { Fault } from '#shared/errors.ts'
import { applyRefund, type RefundResult } from './apply-refund.ts'
import { idOf, numberOf } from './order-states.ts'
import type { TakeOptions } from './take-payment.ts'

/** News of what became of a refund, from outside. */
export interface RefundNews extends InboxMessage, Pick<RefundResult, 'state'> {
  readonly refundNo: string
  readonly no: string
  readonly amountFen: number
  readonly totalFen: number
  readonly providerId: string
}

/**
 * Keeps the news and what it means for the refund and its order.
 *
 * @throws Fault not_found for a refund that is not ours, validation_failed for other amounts: nothing is kept then, so
 *   that it is told again
 */
export async function takeRefund(options: TakeOptions, news: RefundNews, signal: AbortSignal): Promise<void> {
  const { refundNo, no, state, providerId } = news
  const sql = await options.database.sql()
  const id = idOf(refundNo)
  const refund = id === undefined ? undefined : await findRefund(sql, id, signal)
  const order = refund === undefined ? undefined : await findOrder(sql, refund.order_id, signal)
  if (refund === undefined || order?.provider !== news.source || numberOf(order.id) !== no)
    throw new Fault('not_found', { details: [{ reason: 'unknown_refund' }] })
  if (refund.amount_fen !== news.amountFen || order.amount_fen !== news.totalFen) {
    const facts = {
      refundNo,
      amountFen: refund.amount_fen,
      toldFen: news.amountFen,
      toldTotalFen: news.totalFen,
    }
    options.logger.error('payments.wrong_amount', facts)
    throw new Fault('validation_failed', { details: [{ reason: 'wrong_amount' }] })
  }
  const applying = { ...options, requestId: news.requestId }
  await takeOnce(
    options,
    news,
    async (own) => void (await applyRefund(applying, { sql: own, refund, order, state, providerId }, signal)),
    signal,
  )
}
