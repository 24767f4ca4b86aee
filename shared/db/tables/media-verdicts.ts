import type { Selectable } from 'kysely'
import type { Database, Queries } from '#shared/db/database.ts'
import { insertOnce } from '#shared/db/insert-once.ts'

/** What content safety said under a trace id, kept since it may say so before the file has the trace id. */
export interface MediaVerdictsTable {
  trace_id: string
  suggest: 'pass' | 'review' | 'risky'
  /** 100 normal, 10001 ads, 20001 politics, 20002 porn, and so on. */
  label: number
  /** 0, or why there is no verdict. */
  errcode: number
  at: Date
}

export type MediaVerdictRow = Selectable<MediaVerdictsTable>

/** Keeps the first verdict of a trace id. */
export async function insertVerdictOnce(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Database['dialect'] },
  row: MediaVerdictRow,
  signal: AbortSignal,
): Promise<void> {
  await insertOnce(sql.insertInto('media_verdicts').values(row), dialect).execute({ signal })
}

export function findVerdict(
  sql: Queries,
  traceId: string,
  signal: AbortSignal,
): Promise<MediaVerdictRow | undefined> {
  return sql
    .selectFrom('media_verdicts')
    .selectAll()
    .where('trace_id', '=', traceId)
    .executeTakeFirst({ signal })
}

export async function deleteVerdictsBefore(sql: Queries, before: Date, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('media_verdicts').where('at', '<', before).execute({ signal })
}
