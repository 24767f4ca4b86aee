import type { Selectable } from 'kysely'
import type { Queries } from '#shared/db/database.ts'

/** What was published, each time as a whole. A row never changes; the highest version is the one in force. */
export interface GuardVersionsTable {
  version: number
  /** JSON. */
  content: string
  created_at: Date
  /** The admin who published it; null for the system. */
  created_by: string | null
}

export type GuardVersionRow = Selectable<GuardVersionsTable>

/** The version in force; 0 when nothing was ever published. */
export async function latestGuardVersion(sql: Queries, signal: AbortSignal): Promise<number> {
  const row = await sql
    .selectFrom('guard_versions')
    .select('version')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst({ signal })
  return row?.version ?? 0
}

export function findGuardVersion(
  sql: Queries,
  version: number,
  signal: AbortSignal,
): Promise<GuardVersionRow | undefined> {
  return sql
    .selectFrom('guard_versions')
    .selectAll()
    .where('version', '=', version)
    .executeTakeFirst({ signal })
}

/** Versions without their content, newest first, older than `before` where it is given. */
export function listGuardVersions(
  sql: Queries,
  { before, limit }: { readonly before: number | undefined; readonly limit: number },
  signal: AbortSignal,
): Promise<Omit<GuardVersionRow, 'content'>[]> {
  return sql
    .selectFrom('guard_versions')
    .select(['version', 'created_at', 'created_by'])
    .$if(before !== undefined, (query) => query.where('version', '<', before ?? 0))
    .orderBy('version', 'desc')
    .limit(limit)
    .execute({ signal })
}

/** Fails with a unique violation when somebody else has published that version in between. */
export async function insertGuardVersion(
  sql: Queries,
  row: GuardVersionRow,
  signal: AbortSignal,
): Promise<void> {
  await sql.insertInto('guard_versions').values(row).execute({ signal })
}
