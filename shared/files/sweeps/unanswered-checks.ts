import { type FileRow, listDueChecks, moveFile } from '#shared/db/tables/files.ts'
import { deleteVerdictsBefore } from '#shared/db/tables/media-verdicts.ts'
import { checkAgainAt, MOST_CHECKS } from '#shared/files/check-schedule.ts'
import { ago, BATCH, HOUR_MS, type Sweep, type SweepParts } from './sweep.ts'

/** Pending files whose check failed to begin, or whose verdict never came. */
export const unansweredChecks: Sweep = async (parts, signal) => {
  const { database, clock, safety } = parts
  const due = { now: new Date(clock()), limit: BATCH }
  const rows = await listDueChecks(await database.sql(), due, signal)
  for (const { openid, ...row } of rows) {
    if (row.times_asked >= MOST_CHECKS) {
      await giveUp(parts, row, signal)
      continue
    }
    await safety.examine(row, openid ?? '', signal).catch(async (cause: unknown) => {
      signal.throwIfAborted()
      // One file that cannot be checked must not keep the others from it.
      await postpone(parts, { row, cause }, signal)
    })
  }
  return rows.length
}

async function postpone(
  { database, clock, logger }: SweepParts,
  { row, cause }: { readonly row: FileRow; readonly cause: unknown },
  signal: AbortSignal,
): Promise<void> {
  const times = row.times_asked + 1
  logger.warn('files.not_checked', { fileId: row.id, times, cause })
  const to = { times_asked: times, check_due_at: checkAgainAt(clock(), times) }
  await moveFile(await database.sql(), { id: row.id, from: ['pending'], to }, signal)
}

/** It stays pending, for an admin to decide. */
async function giveUp({ database, logger }: SweepParts, row: FileRow, signal: AbortSignal): Promise<void> {
  logger.error('files.check_given_up', {
    fileId: row.id,
    times: row.times_asked,
    advice: 'PUT /files/{id} decides',
  })
  await moveFile(await database.sql(), { id: row.id, from: ['pending'], to: { check_due_at: null } }, signal)
}

const VERDICT_MS = 7 * 24 * HOUR_MS

/** Verdicts that every file they could be about has long had. */
export const oldVerdicts: Sweep = async ({ database, clock }, signal) => {
  await deleteVerdictsBefore(await database.sql(), ago(clock, VERDICT_MS), signal)
  return 0
}
