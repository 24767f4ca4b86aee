import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findSession, type SessionWithUser } from '#shared/db/tables/sessions.ts'
import { Fault } from '#shared/errors.ts'
import { isUuid } from '#shared/ids.ts'
import type { AccessClaims, AccessTokens } from './access-tokens.ts'
import type { Revocations, Verdict } from './revocations.ts'

/** Who makes a request. */
export type Session = AccessClaims

export interface SessionGuard {
  /**
   * What the request's bearer token says, whether or not its session still lives; checked once a request. Undefined
   * without an Authorization header.
   *
   * @throws Fault `unauthenticated` or `token_expired`.
   */
  claims(request: Request): Promise<Session | undefined>
  /** Tells `require` what the state store was found to say, so that it need not ask for this request again. */
  note(request: Request, verdict: Verdict): void
  /**
   * The session of the request's bearer token, live at this moment.
   *
   * @throws Fault `unauthenticated`, `token_expired` or `token_revoked`.
   */
  require(request: Request, signal: AbortSignal): Promise<Session>
  /**
   * The same with the database's own row, whatever the state store remembers: for what must not trust a memory. `find`
   * reads it, so that who needs more than the row has it by the same statement.
   */
  requireRow<F extends FoundSession>(
    request: Request,
    find: FindSession<F>,
    signal: AbortSignal,
  ): Promise<F & LiveSession>
}

export interface FoundSession {
  readonly row: SessionWithUser
}

export interface LiveSession extends FoundSession {
  readonly session: Session
}

export type FindSession<F extends FoundSession> = (id: string, signal: AbortSignal) => Promise<F | undefined>

export interface SessionGuardOptions {
  readonly accessTokens: AccessTokens
  readonly revocations: Revocations
  readonly database: Database
  readonly clock: Clock
}

export function createSessionGuard(options: SessionGuardOptions): SessionGuard {
  const { accessTokens, revocations, database, clock } = options

  // Both last as long as the request itself.
  const verified = new WeakMap<Request, Promise<Session>>()
  const verdicts = new WeakMap<Request, Verdict>()

  async function verify(request: Request): Promise<Session> {
    const known = verified.get(request)
    if (known !== undefined) return known
    const claims = accessTokens.verify(bearerToken(request.headers))
    verified.set(request, claims)
    return claims
  }

  async function claims(request: Request): Promise<Session | undefined> {
    return request.headers.has('authorization') ? verify(request) : undefined
  }

  async function require(request: Request, signal: AbortSignal): Promise<Session> {
    const claims = await verify(request)
    const verdict = verdicts.get(request) ?? (await revocations.verdict(claims, signal))
    if (verdict === 'ended') throw new Fault('token_revoked')
    if (verdict === 'unknown') {
      await live(claims, find, signal)
      await revocations.rememberLive(claims, signal)
    }
    return claims
  }

  async function requireRow<F extends FoundSession>(
    request: Request,
    findRow: FindSession<F>,
    signal: AbortSignal,
  ): Promise<F & LiveSession> {
    const session = await verify(request)
    return { ...(await live(session, findRow, signal)), session }
  }

  async function live<F extends FoundSession>(
    claims: AccessClaims,
    findRow: FindSession<F>,
    signal: AbortSignal,
  ): Promise<F> {
    const found = isUuid(claims.sessionId) ? await findRow(claims.sessionId, signal) : undefined
    const isGood = found?.row.user_epoch === claims.epoch && isLive(found.row, new Date(clock()))
    if (!isGood) throw new Fault('token_revoked')
    return found
  }

  async function find(id: string, signal: AbortSignal): Promise<FoundSession | undefined> {
    const row = await findSession(await database.sql(), id, signal)
    return row && { row }
  }

  return { claims, note: (request, verdict) => void verdicts.set(request, verdict), require, requireRow }
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
