import type { Database } from '#shared/db/database.ts'
import { findSessionAndUser } from '#shared/db/tables/session-and-user.ts'
import type { UserRow } from '#shared/db/tables/users.ts'
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
  const find = (id: string, signal: AbortSignal) => findSessionAndUser(database, id, signal)
  return async (request, signal) => {
    const { session, row, user } = await guard.requireRow(request, find, signal)
    if (user.id !== session.userId || !hasSignedIn(user)) throw new Fault('token_revoked')
    return { session, row, user }
  }
}

function hasSignedIn(user: UserRow): user is SignedInUser {
  return user.openid !== null
}

/** @throws Fault `forbidden` unless the database gives the user the admin role at this moment. */
export function createRequireAdmin(requireUser: RequireUser): RequireUser {
  return async (request, signal) => {
    const current = await requireUser(request, signal)
    if (!rolesOf(current.user).includes('admin')) throw new Fault('forbidden')
    return current
  }
}
