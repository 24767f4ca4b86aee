import { createHash } from 'node:crypto'
import { Fault } from '#shared/errors.ts'
import { uuidv7 } from '#shared/ids.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { Database, Queries } from './database.ts'
import { findInboxHash, insertInboxOnce } from './tables/inbox.ts'

/** What somebody outside tells us, perhaps many times. */
export interface InboxMessage {
  /** Who says so, and what they call this message; the same however often it is sent. */
  readonly source: string
  readonly dedupeKey: string
  /**
   * What it says, once it was opened. Two messages under one key are the same one when this is: what they arrive as may be
   * sealed and signed anew with every try.
   */
  readonly said: string
  readonly received: Received
  readonly requestId: string
}

/** A message as it arrived, so that it can be verified once more. */
export interface Received {
  readonly body: Uint8Array
  /** What its signature is, and what that covers besides the body. */
  readonly proof: Readonly<Record<string, unknown>>
}

export interface TakeOnceOptions {
  readonly database: Database
  readonly logger: Logger
  readonly now: Date
}

/**
 * Keeps the news in the inbox and does what follows from it, both in one transaction; news that was kept before changes
 * nothing, and the answer is undefined. When `apply` fails nothing is kept, so that it is told again.
 *
 * @throws Fault idempotency_mismatch for other news under a key that is known; nothing changes
 */
export async function takeOnce<T>(
  { database, logger, now }: TakeOnceOptions,
  { source, dedupeKey, said, received: { body, proof }, requestId }: InboxMessage,
  apply: (sql: Queries) => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const row = {
    id: uuidv7(now.getTime()),
    source,
    dedupe_key: dedupeKey,
    payload_hash: createHash('sha256').update(said).digest('hex'),
    body: Buffer.from(body).toString('base64'),
    proof: JSON.stringify(proof),
    request_id: requestId,
    received_at: now,
  }
  const sql = await database.sql()
  return sql.transaction().execute(async (own) => {
    if (await insertInboxOnce({ sql: own, dialect: database.dialect }, row, signal)) return apply(own)
    if ((await findInboxHash(own, row, signal)) !== row.payload_hash) {
      logger.warn('inbox.key_reused', { requestId, source, dedupeKey })
      throw new Fault('idempotency_mismatch', { details: [{ reason: 'key_reused' }] })
    }
    logger.info('inbox.known', { requestId, source })
    return undefined
  })
}

/** Keeps news that changes nothing, so that nothing that was acknowledged is lost. */
export async function keepNews(
  options: TakeOnceOptions,
  news: InboxMessage,
  signal: AbortSignal,
): Promise<void> {
  await takeOnce(options, news, async () => {}, signal)
}
