import { createHash } from 'node:crypto'
import type { Database } from '#shared/db/database.ts'
import { insertInboxOnce } from '#shared/db/tables/inbox.ts'
import { findOrder } from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import { uuidv7 } from '#shared/ids.ts'
import { applyPayment, type ApplyOptions } from './apply-payment.ts'
import { idOf } from './order-states.ts'
import type { Paid } from './provider.ts'

/** News that an order is paid, from outside. */
export interface PaymentNews {
  /** Who says so: the provider of the order. What they call this message is the same however often it is sent. */
  readonly source: string
  readonly dedupeKey: string
  /** The order's number. */
  readonly no: string
  readonly paid: Paid
  /** What was received, once it was opened. */
  readonly body: string
  readonly requestId: string
}

/**
 * Keeps the news and makes the order paid, both in one transaction; news that was kept before changes nothing.
 *
 * @throws Fault not_found for an order that is not ours, validation_failed for another amount: nothing is kept then, so
 *   that it is told again
 */
export async function takePayment(
  { database, ...options }: Omit<ApplyOptions, 'requestId'> & { readonly database: Database },
  news: PaymentNews,
  signal: AbortSignal,
): Promise<void> {
  const sql = await database.sql()
  const id = idOf(news.no)
  const order = id === undefined ? undefined : await findOrder(sql, id, signal)
  if (order?.provider !== news.source)
    throw new Fault('not_found', { details: [{ reason: 'unknown_order' }] })
  await sql.transaction().execute(async (own) => {
    const row = {
      id: uuidv7(options.now.getTime()),
      source: news.source,
      dedupe_key: news.dedupeKey,
      payload_hash: createHash('sha256').update(news.body).digest('hex'),
      body: news.body,
      request_id: news.requestId,
      received_at: options.now,
    }
    if (!(await insertInboxOnce({ sql: own, dialect: database.dialect }, row, signal))) return
    const applied = await applyPayment(
      { ...options, requestId: news.requestId },
      { sql: own, order, paid: news.paid },
      signal,
    )
    if (applied === 'wrong_amount')
      throw new Fault('validation_failed', { details: [{ reason: 'wrong_amount' }] })
  })
}
