import type { Clock } from '#shared/clock.ts'
import type { AfterCommit, Queries } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import type { Ending, SessionEnder } from '#shared/tokens/session-ender.ts'
import { eraseUser } from '#shared/users/erase-user.ts'

/** Who closes whose account. */
export interface Closing extends Omit<Ending, 'reason'> {
  /** For the audit, where it was not in the mini-program. */
  readonly way?: string
}

/**
 * Ends every session of a user and erases the personal data, files included, in the caller's transaction; an audit row
 * stays. The objects of the files are left to the sweep, or to the caller.
 *
 * @throws Fault `not_found` for an unknown user.
 */
export type CloseAccount = (sql: Queries, closing: Closing, signal: AbortSignal) => Promise<AfterCommit>

export function createCloseAccount({
  ender,
  clock,
}: {
  readonly ender: SessionEnder
  readonly clock: Clock
}): CloseAccount {
  return async (sql, { way, ...closing }, signal) => {
    const { userId, actorId, requestId } = closing
    const now = new Date(clock())
    const afterCommit = await ender.endAllWithin(sql, { ...closing, reason: 'deleted' }, signal)
    await eraseUser(sql, userId, now, signal)
    const details = way === undefined ? {} : { way }
    const entry = { action: 'user.deleted', actorId, subjectId: userId, requestId, details }
    await insertAudit(sql, entry, now, signal)
    return afterCommit
  }
}
