import { createHash } from 'node:crypto'
import type { Database, Queries } from '#shared/db/database.ts'
import { insertInboxOnce } from '#shared/db/tables/inbox.ts'
import { uuidv7 } from '#shared/ids.ts'

/** What somebody outside tells us, perhaps many times. */
export interface News {
  /** Who says so, and what they call this message; the same however often it is sent. */
  readonly source: string
  readonly dedupeKey: string
  /** What was received, once it was opened. */
  readonly body: string
  readonly requestId: string
}

/**
 * Keeps the news and does what follows from it, both in one transaction; news that was kept before changes nothing. When
 * `apply` fails nothing is kept, so that it is told again.
 */
export async function takeNews(
  { database, now }: { readonly database: Database; readonly now: Date },
  { source, dedupeKey, body, requestId }: News,
  apply: (sql: Queries) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const sql = await database.sql()
  const row = {
    id: uuidv7(now.getTime()),
    source,
    dedupe_key: dedupeKey,
    payload_hash: createHash('sha256').update(body).digest('hex'),
    body,
    request_id: requestId,
    received_at: now,
  }
  await sql.transaction().execute(async (own) => {
    if (await insertInboxOnce({ sql: own, dialect: database.dialect }, row, signal)) await apply(own)
  })
}
