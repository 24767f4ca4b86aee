import { listUnanswered } from '#shared/db/tables/files.ts'
import { deleteVerdictsBefore } from '#shared/db/tables/media-verdicts.ts'
import { ago, BATCH, HOUR_MS, type Sweep } from './sweep.ts'

const MINUTE_MS = 60_000
/** WeChat says within half an hour; after that its word was lost. */
const ANSWER_MS = 35 * MINUTE_MS
/** A file that WeChat never judges stays pending, for an admin to decide. */
const MOST_TIMES = 5

/** Pending files whose check failed to begin, or whose verdict never came. */
export const unansweredChecks: Sweep = async (parts, signal) => {
  const { database, clock, safety, logger } = parts
  const sql = await database.sql()
  const stale = { storedBefore: ago(clock, MINUTE_MS), askedBefore: ago(clock, ANSWER_MS), limit: BATCH }
  const rows = (await listUnanswered(sql, stale, signal)).filter(
    ({ times_asked: times }) => times < MOST_TIMES,
  )
  for (const { openid, ...row } of rows) {
    await safety.examine(row, openid ?? '', signal).catch((cause: unknown) => {
      signal.throwIfAborted()
      // One file that cannot be checked must not keep the others from it.
      logger.warn('files.not_checked', { fileId: row.id, cause })
    })
  }
  return rows.length
}

const VERDICT_MS = 7 * 24 * HOUR_MS

/** Verdicts that every file they could be about has long had. */
export const oldVerdicts: Sweep = async ({ database, clock }, signal) => {
  await deleteVerdictsBefore(await database.sql(), ago(clock, VERDICT_MS), signal)
  return 0
}
