import type { FileChange } from '#shared/db/tables/files.ts'
import { findFileByTrace, moveFile } from '#shared/db/tables/files.ts'
import type { MediaVerdictRow } from '#shared/db/tables/media-verdicts.ts'
import type { FileParts } from './file-parts.ts'

/** What a verdict makes of the pending file that has its trace id; nothing where none has. */
export async function applyVerdict(
  { database, clock, logger }: Pick<FileParts, 'database' | 'clock' | 'logger'>,
  verdict: Pick<MediaVerdictRow, 'trace_id' | 'suggest' | 'label' | 'errcode'>,
  signal: AbortSignal,
): Promise<void> {
  const sql = await database.sql()
  const row = await findFileByTrace(sql, verdict.trace_id, signal)
  if (row === undefined) return
  const now = new Date(clock())
  const to = { ...consequence(verdict, now), updated_at: now }
  if (!(await moveFile(sql, { id: row.id, from: ['pending'], to }, signal))) return
  const { suggest, label, errcode } = verdict
  logger.info('files.checked', { fileId: row.id, suggest, label, errcode })
}

/** A verdict that is none lets the next sweep ask again. `review` means that a person must decide: an admin. */
function consequence(
  { suggest, label, errcode }: Pick<MediaVerdictRow, 'suggest' | 'label' | 'errcode'>,
  now: Date,
): FileChange {
  if (errcode !== 0) return { trace_id: null, check_due_at: now }
  if (suggest === 'pass') return { status: 'ready', check_due_at: null }
  return { status: 'quarantined', reason: `${suggest}:${label}`, check_due_at: null }
}
