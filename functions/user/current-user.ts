import type { Database } from '#shared/db/database.ts'
import { findUser, type UserRow } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Session, SessionGuard } from '#shared/tokens/session-guard.ts'
import { rolesOf } from '#shared/users/present-user.ts'

/** Who makes the request: the live session and the user's row behind it. */
export interface CurrentUser {
  readonly session: Session
  readonly user: UserRow
}

export type RequireUser = (request: Request, signal: AbortSignal) => Promise<CurrentUser>

export function createRequireUser(guard: SessionGuard, database: Database): RequireUser {
  return async (request, signal) => {
    const session = await guard.require(request, signal)
    const user = await findUser(database.sql, session.userId, signal)
    // The row is the authority: it refuses a deleted or banned user even while a cached verdict still says live.
    if (user?.status !== 'active' || user.epoch !== session.epoch) throw new Fault('token_revoked')
    return { session, user }
  }
}

/** @throws Fault `forbidden` unless the database gives the user the admin role at this moment. */
export function createRequireAdmin(requireUser: RequireUser): RequireUser {
  return async (request, signal) => {
    const current = await requireUser(request, signal)
    if (!rolesOf(current.user).includes('admin')) throw new Fault('forbidden')
    return current
  }
}
