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
  const to = { ...consequence(verdict), updated_at: new Date(clock()) }
  if (!(await moveFile(sql, { id: row.id, from: ['pending'], to }, signal))) return
  const { suggest, label, errcode } = verdict
  logger.info('files.checked', { fileId: row.id, suggest, label, errcode })
}

/** A verdict that is none lets the next sweep ask again. `review` means that a person must decide: an admin. */
function consequence({
  suggest,
  label,
  errcode,
}: Pick<MediaVerdictRow, 'suggest' | 'label' | 'errcode'>): FileChange {
  if (errcode !== 0) return { trace_id: null }
  if (suggest === 'pass') return { status: 'ready' }
  return { status: 'quarantined', reason: `${suggest}:${label}` }
}
