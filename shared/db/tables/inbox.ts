import type { Selectable } from 'kysely'
import type { Database, Queries } from '#shared/db/database.ts'
import { insertedOnce } from '#shared/db/insert-once.ts'

export interface InboxTable {
  /** UUIDv7. */
  id: string
  /** Who sent it, as `wechat-pay`. */
  source: string
  /** What that sender calls the message, the same however often it is sent. */
  dedupe_key: string
  /** SHA-256 (hex) of what the message says once it is opened: the body of the same one may be sealed anew each time. */
  payload_hash: string
  /** As received, in base64: it may hold bytes that are no text. */
  body: string
  /** JSON: what the body is verified with again. */
  proof: string | null
  request_id: string | null
  received_at: Date
}

export type InboxRow = Selectable<InboxTable>

/** Whether the message is new; in the transaction of what it changes, so that neither is there without the other. */
export async function insertInboxOnce(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Database['dialect'] },
  row: InboxRow,
  signal: AbortSignal,
): Promise<boolean> {
  const insert = sql.insertInto('inbox').values(row)
  return insertedOnce(insert, dialect, signal)
}

/** The hash of what was kept under that key. */
export async function findInboxHash(
  sql: Queries,
  { source, dedupe_key: key }: Pick<InboxRow, 'source' | 'dedupe_key'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const row = await sql
    .selectFrom('inbox')
    .select('payload_hash')
    .where('source', '=', source)
    .where('dedupe_key', '=', key)
    .executeTakeFirst({ signal })
  return row?.payload_hash
}

export async function listInboxBefore(
  sql: Queries,
  { before, limit }: { readonly before: Date; readonly limit: number },
  signal: AbortSignal,
): Promise<{ id: string }[]> {
  return sql
    .selectFrom('inbox')
    .select('id')
    .where('received_at', '<', before)
    .limit(limit)
    .execute({ signal })
}
