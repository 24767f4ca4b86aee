import type { Queries } from '#shared/db/database.ts'
import { findFileByTrace, moveFile } from '#shared/db/tables/files.ts'
import type { MediaVerdictRow } from '#shared/db/tables/media-verdicts.ts'
import { checkAgainAt } from './check-schedule.ts'
import type { FileParts } from './file-parts.ts'
import { quarantine } from './quarantine.ts'

/**
 * What a verdict makes of the pending file that has its trace id; nothing where none has. One that is none lets a sweep ask
 * again. `review` means that a person must decide: an admin.
 */
export async function applyVerdict(
  { sql, clock, logger }: Pick<FileParts, 'clock' | 'logger'> & { readonly sql: Queries },
  verdict: Pick<MediaVerdictRow, 'trace_id' | 'suggest' | 'label' | 'errcode'>,
  signal: AbortSignal,
): Promise<void> {
  const row = await findFileByTrace(sql, verdict.trace_id, signal)
  if (row === undefined) return
  const { suggest, label, errcode } = verdict
  const now = new Date(clock())
  const pending = { id: row.id, from: ['pending'] } as const
  const again = {
    trace_id: null,
    check_due_at: checkAgainAt(now.getTime(), row.times_asked),
    updated_at: now,
  }
  const ready = { status: 'ready', check_due_at: null, updated_at: now } as const
  const isMoved =
    errcode === 0 && suggest !== 'pass'
      ? await quarantine(sql, { row, from: pending.from, reason: `${suggest}:${label}`, now }, signal)
      : await moveFile(sql, { ...pending, to: errcode === 0 ? ready : again }, signal)
  if (isMoved) logger.info('files.checked', { fileId: row.id, suggest, label, errcode })
}
