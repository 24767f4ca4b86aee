import { type FileRow, listDueChecks, moveFile } from '#shared/db/tables/files.ts'
import { deleteVerdictsBefore } from '#shared/db/tables/media-verdicts.ts'
import { ago, BATCH, HOUR_MS, type Sweep, type SweepParts } from './sweep.ts'

const MINUTE_MS = 60_000
/** Over some six hours, if each fails. A file that nobody judges then stays pending, for an admin to decide. */
const MOST_TIMES = 8
const LONGEST_WAIT_MS = 64 * MINUTE_MS

/** Pending files whose check failed to begin, or whose verdict never came. */
export const unansweredChecks: Sweep = async (parts, signal) => {
  const { database, clock, safety } = parts
  const due = { now: new Date(clock()), mostTimes: MOST_TIMES, limit: BATCH }
  const rows = await listDueChecks(await database.sql(), due, signal)
  for (const { openid, ...row } of rows) {
    await safety.examine(row, openid ?? '', signal).catch(async (cause: unknown) => {
      signal.throwIfAborted()
      // One file that cannot be checked must not keep the others from it.
      await postpone(parts, row, { cause, signal })
    })
  }
  return rows.length
}

async function postpone(
  { database, clock, logger }: SweepParts,
  row: FileRow,
  { cause, signal }: { readonly cause: unknown; readonly signal: AbortSignal },
): Promise<void> {
  const timesAsked = row.times_asked + 1
  const isGivenUp = timesAsked >= MOST_TIMES
  logger.warn(isGivenUp ? 'files.check_given_up' : 'files.not_checked', { fileId: row.id, timesAsked, cause })
  const waitMs = Math.min(MINUTE_MS * 4 ** row.times_asked, LONGEST_WAIT_MS)
  const to = { times_asked: timesAsked, check_due_at: new Date(clock() + waitMs) }
  await moveFile(await database.sql(), { id: row.id, from: ['pending'], to }, signal)
}

const VERDICT_MS = 7 * 24 * HOUR_MS

/** Verdicts that every file they could be about has long had. */
export const oldVerdicts: Sweep = async ({ database, clock }, signal) => {
  await deleteVerdictsBefore(await database.sql(), ago(clock, VERDICT_MS), signal)
  return 0
}
