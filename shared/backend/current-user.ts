import type { Database } from '#shared/db/database.ts'
import { findUser, type UserRow } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { LiveSession, SessionGuard } from '#shared/tokens/session-guard.ts'
import { rolesOf } from '#shared/users/present-user.ts'

/** Who makes the request: the live session and the user's row behind it. */
export interface CurrentUser extends LiveSession {
  readonly user: SignedInUser
}

/** Nobody signs in without an openid; only users whom an admin made and who never came have none. */
export type SignedInUser = UserRow & { readonly openid: string }

export type RequireUser = (request: Request, signal: AbortSignal) => Promise<CurrentUser>

export function createRequireUser(guard: SessionGuard, database: Database): RequireUser {
  return async (request, signal) => {
    const live = await guard.requireRow(request, signal)
    const user = await findUser(await database.sql(), live.session.userId, signal)
    if (user?.status !== 'active' || user.openid === null) throw new Fault('token_revoked')
    return { ...live, user: { ...user, openid: user.openid } }
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
