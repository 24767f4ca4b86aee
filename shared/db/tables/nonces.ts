import type { Database, Queries } from '#shared/db/database.ts'
import { insertedOnce } from '#shared/db/insert-once.ts'

export interface NoncesTable {
  /** SHA-256 (hex) of who signed and the nonce. */
  id: string
  /** When no clock lets the request pass any more, so that the row may go. */
  expires_at: Date
}

/** Whether the nonce is used for the first time: a row that stands, even one that ran out, says no. */
export async function insertNonceOnce(
  database: Pick<Database, 'sql' | 'dialect'>,
  row: NoncesTable,
  signal: AbortSignal,
): Promise<boolean> {
  const insert = (await database.sql()).insertInto('nonces').values(row)
  return insertedOnce(insert, database.dialect, signal)
}

export async function deleteExpiredNonces(sql: Queries, now: Date, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('nonces').where('expires_at', '<=', now).execute({ signal })
}
