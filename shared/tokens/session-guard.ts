import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findSession, type SessionWithUser } from '#shared/db/tables/sessions.ts'
import { Fault } from '#shared/errors.ts'
import { isUuid } from '#shared/ids.ts'
import type { AccessClaims, AccessTokens } from './access-tokens.ts'
import type { Revocations } from './revocations.ts'

/** Who makes a request. */
export type Session = AccessClaims

export interface SessionGuard {
  /**
   * The session of the request's bearer token, live at this moment.
   *
   * @throws Fault `unauthenticated`, `token_expired` or `token_revoked`.
   */
  require(request: Request, signal: AbortSignal): Promise<Session>
  /**
   * The same with the database's own row, whatever the state store remembers: for functions that read the user's row
   * anyway, and for what must not trust a memory.
   */
  requireRow(request: Request, signal: AbortSignal): Promise<LiveSession>
}

export interface LiveSession {
  readonly session: Session
  readonly row: SessionWithUser
}

export interface SessionGuardOptions {
  readonly accessTokens: AccessTokens
  readonly revocations: Revocations
  readonly database: Database
  readonly clock: Clock
}

export function createSessionGuard(options: SessionGuardOptions): SessionGuard {
  const { accessTokens, revocations, database, clock } = options

  async function require(request: Request, signal: AbortSignal): Promise<Session> {
    const claims = await accessTokens.verify(bearerToken(request.headers))
    const verdict = await revocations.verdict(claims, signal)
    if (verdict === 'ended') throw new Fault('token_revoked')
    if (verdict === 'unknown') {
      await liveRow(claims, signal)
      await revocations.rememberLive(claims, signal)
    }
    return claims
  }

  async function requireRow(request: Request, signal: AbortSignal): Promise<LiveSession> {
    const session = await accessTokens.verify(bearerToken(request.headers))
    return { session, row: await liveRow(session, signal) }
  }

  async function liveRow(claims: AccessClaims, signal: AbortSignal): Promise<SessionWithUser> {
    const row = isUuid(claims.sessionId)
      ? await findSession(database.sql, claims.sessionId, signal)
      : undefined
    if (row === undefined || row.user_epoch !== claims.epoch || !isLive(row, new Date(clock()))) {
      throw new Fault('token_revoked')
    }
    return row
  }

  return { require, requireRow }
}

/** Whether the database lets the session be used at `now`. */
export function isLive(session: SessionWithUser, now: Date): boolean {
  return (
    session.revoked_at === null &&
    session.user_status === 'active' &&
    session.user_epoch === session.epoch &&
    session.expires_at > now &&
    session.idle_expires_at > now
  )
}

/** @throws Fault `unauthenticated` unless there is exactly one bearer token. @see RFC 6750 §2.1 */
function bearerToken(headers: Headers): string {
  const [, token] = /^bearer ([^\s,]+)$/i.exec(headers.get('authorization') ?? '') ?? []
  if (token === undefined) throw new Fault('unauthenticated')
  return token
}
