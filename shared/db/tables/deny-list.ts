import type { Selectable } from 'kysely'
import type { Queries } from '#shared/db/database.ts'

export interface DenyListTable {
  /** UUIDv7. */
  id: string
  kind: 'user' | 'ip' | 'prefix' | 'device'
  value: string
  reason: string
  /** Rises by one with every change of the list, over all rows, so that the highest one names the list's state. */
  revision: number
  expires_at: Date
  /** Set instead of deleting the row, since the row carries the revision of the removal. */
  removed_at: Date | null
  created_at: Date
  /** The admin who added it; null for the system. */
  created_by: string | null
}

export type DenyListRow = Selectable<DenyListTable>

/** The number of changes so far; 0 for a list that was never used. */
export async function denyListRevision(sql: Queries, signal: AbortSignal): Promise<number> {
  const row = await sql
    .selectFrom('deny_list')
    .select('revision')
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst({ signal })
  return row?.revision ?? 0
}

/** Entries in force at `now`, newest first, older than `beforeId` where it is given. */
export function listDenied(sql: Queries, page: DeniedPage, signal: AbortSignal): Promise<DenyListRow[]> {
  return sql
    .selectFrom('deny_list')
    .selectAll()
    .where('removed_at', 'is', null)
    .where('expires_at', '>', page.now)
    .$if(page.beforeId !== undefined, (query) => query.where('id', '<', page.beforeId ?? ''))
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute({ signal })
}

export interface DeniedPage {
  readonly now: Date
  readonly limit: number
  readonly beforeId?: string | undefined
}

export async function countDenied(sql: Queries, now: Date, signal: AbortSignal): Promise<number> {
  const { count } = await sql
    .selectFrom('deny_list')
    .select((all) => all.fn.countAll<string | number>().as('count'))
    .where('removed_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow({ signal })
  return Number(count)
}

/** Fails with a unique violation when the list was changed in between. */
export async function insertDenied(sql: Queries, row: DenyListRow, signal: AbortSignal): Promise<void> {
  await sql.insertInto('deny_list').values(row).execute({ signal })
}

/** Whether an entry was there to remove. Fails with a unique violation when the list was changed in between. */
export async function removeDenied(
  sql: Queries,
  { id, revision, now }: { readonly id: string; readonly revision: number; readonly now: Date },
  signal: AbortSignal,
): Promise<boolean> {
  const result = await sql
    .updateTable('deny_list')
    .set({ removed_at: now, revision })
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

/** Removes rows that no longer deny anything, except any from `revision` on: the highest one must stay. */
export async function sweepDenied(
  sql: Queries,
  { revision, now }: { readonly revision: number; readonly now: Date },
  signal: AbortSignal,
): Promise<void> {
  await sql
    .deleteFrom('deny_list')
    .where('revision', '<', revision)
    .where((is) => is.or([is('expires_at', '<=', now), is('removed_at', 'is not', null)]))
    .execute({ signal })
}
