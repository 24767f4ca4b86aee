import type { Selectable } from 'kysely'
import type { Database, Queries } from '#shared/db/database.ts'
import { insertedOnce } from '#shared/db/insert-once.ts'

export interface IdempotencyTable {
  /** SHA-256 (hex) of caller, route and key. */
  id: string
  /** SHA-256 (hex) of the request's body. */
  request_hash: string
  /** Null while the first request is still running. */
  status: number | null
  /** The stored JSON answer, encrypted at rest (`shared/seal.ts`). */
  response: string | null
  /** While running: when the claim may be taken over. Afterwards: when the row may go. */
  expires_at: Date
}

export type IdempotencyRow = Selectable<IdempotencyTable>

export interface IdempotencyClaim {
  readonly id: string
  readonly requestHash: string
  readonly now: Date
  /** Until when the claim holds while nothing is stored. */
  readonly until: Date
}

/**
 * Takes the key for one request; false when it is taken or already answered. Rows that ran out go first, this key's
 * among them.
 */
export async function claimIdempotency(
  database: Database,
  claim: IdempotencyClaim,
  signal: AbortSignal,
): Promise<boolean> {
  const { id, requestHash, now, until } = claim
  await (await database.sql()).deleteFrom('idempotency').where('expires_at', '<=', now).execute({ signal })
  const row = { id, request_hash: requestHash, status: null, response: null, expires_at: until }
  const insert = (await database.sql()).insertInto('idempotency').values(row)
  return insertedOnce(insert, database.dialect, signal)
}

export function findIdempotency(
  sql: Queries,
  id: string,
  signal: AbortSignal,
): Promise<IdempotencyRow | undefined> {
  return sql.selectFrom('idempotency').selectAll().where('id', '=', id).executeTakeFirst({ signal })
}

export async function storeIdempotency(
  sql: Queries,
  id: string,
  stored: { readonly status: number; readonly response: string; readonly expires_at: Date },
  signal: AbortSignal,
): Promise<void> {
  await sql.updateTable('idempotency').set(stored).where('id', '=', id).execute({ signal })
}

export async function releaseIdempotency(sql: Queries, id: string, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('idempotency').where('id', '=', id).where('status', 'is', null).execute({ signal })
}
