import { createHash } from 'node:crypto'
import { uuidv7 } from '#shared/ids.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { Database, Queries } from './database.ts'
import { findInboxHash, insertInboxOnce } from './tables/inbox.ts'

/** What somebody outside tells us, perhaps many times. */
export interface News {
  /** Who says so, and what they call this message; the same however often it is sent. */
  readonly source: string
  readonly dedupeKey: string
  /** What was received, once it was opened. */
  readonly body: string
  readonly requestId: string
}

export interface TakeOptions {
  readonly database: Database
  readonly logger: Logger
  readonly now: Date
}

/**
 * Keeps the news in the inbox and does what follows from it, both in one transaction; news that was kept before changes
 * nothing, and the answer is undefined. When `apply` fails nothing is kept, so that it is told again.
 */
export async function takeOnce<T>(
  { database, logger, now }: TakeOptions,
  { source, dedupeKey, body, requestId }: News,
  apply: (sql: Queries) => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const row = {
    id: uuidv7(now.getTime()),
    source,
    dedupe_key: dedupeKey,
    payload_hash: createHash('sha256').update(body).digest('hex'),
    body,
    request_id: requestId,
    received_at: now,
  }
  const sql = await database.sql()
  return sql.transaction().execute(async (own) => {
    if (await insertInboxOnce({ sql: own, dialect: database.dialect }, row, signal)) return apply(own)
    const isSame = (await findInboxHash(own, row, signal)) === row.payload_hash
    // Whoever calls two messages alike has made a mistake that sending again does not mend.
    logger[isSame ? 'info' : 'error'](isSame ? 'inbox.known' : 'inbox.key_reused', { requestId, source })
    return undefined
  })
}
