import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import {
  findSession,
  revokeSessions,
  rotateSession,
  type SessionWithUser,
} from '#shared/db/tables/sessions.ts'
import { Fault } from '#shared/errors.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { AccessTokens } from './access-tokens.ts'
import { IDLE_MS, type IssuedSession, issueSession } from './issue-session.ts'
import { decodeRefreshToken } from './refresh-token.ts'
import type { Revocations } from './revocations.ts'
import { isLive } from './session-guard.ts'
import { unsealRefreshKey } from './session-keys.ts'

export interface Refresher {
  readonly ip: string
  readonly requestId: string
}

/**
 * Exchanges a refresh token. The token before the current one gives the current one again for 60 s, for clients whose
 * answer was lost; any other use of an old one means that it was stolen, and ends the session.
 *
 * @throws Fault `token_revoked` or `token_expired`; `unauthenticated` for what is no refresh token.
 * @see RFC 9700 §4.14.2 (rotation, reuse)
 */
export type RefreshSession = (token: string, caller: Refresher, signal: AbortSignal) => Promise<IssuedSession>

export interface SessionRefresherOptions {
  readonly database: Database
  readonly accessTokens: AccessTokens
  readonly revocations: Revocations
  readonly dataKeys: Keyring
  readonly clock: Clock
  readonly logger: Logger
}

export const GRACE_MS = 60_000

export function createSessionRefresher(options: SessionRefresherOptions): RefreshSession {
  const { database, revocations, dataKeys, clock, logger } = options

  return async (text, caller, signal) => {
    const token = decodeRefreshToken(text)
    const session = token && (await findSession(await database.sql(), token.sessionId, signal))
    if (token === undefined || session === undefined) throw new Fault('unauthenticated')
    const key = unsealRefreshKey(dataKeys, session.id, session.key_encrypted)
    if (!token.isAuthentic(key)) throw new Fault('unauthenticated')
    if (!isLive(session, new Date(clock()))) throw endedFault(session, new Date(clock()))
    const generation = await advance(session, token.counter, caller, signal)
    const { id: sessionId, user_id: userId, epoch, expires_at: expiresAt } = session
    return issueSession(options, {
      sessionId,
      userId,
      epoch,
      generation,
      key,
      expiresAt: expiresAt.getTime(),
    })
  }

  /** Moves the session on, of many callers with one token once, and gives the generation they all get. */
  async function advance(session: SessionWithUser, counter: number, caller: Refresher, signal: AbortSignal) {
    const now = new Date(clock())
    const idleExpiresAt = new Date(Math.min(now.getTime() + IDLE_MS, session.expires_at.getTime()))
    const rotation = { id: session.id, counter, now, idleExpiresAt, ip: caller.ip }
    if (session.counter === counter && (await rotateSession(await database.sql(), rotation, signal)))
      return counter + 1
    const latest = await findSession(await database.sql(), session.id, signal)
    if (latest === undefined || !isLive(latest, now)) throw new Fault('token_revoked')
    const inGrace = now.getTime() - latest.rotated_at.getTime() <= GRACE_MS
    if (latest.counter - counter === 1 && inGrace) return latest.counter
    await endStolen(latest, latest.counter - counter, caller, signal)
    throw new Fault('token_revoked', { details: [{ reason: 'refresh_token_reused' }] })
  }

  async function endStolen(session: SessionWithUser, behind: number, caller: Refresher, signal: AbortSignal) {
    const { id: sessionId, user_id: userId } = session
    const now = new Date(clock())
    await (await database.sql()).transaction().execute(async (sql) => {
      await revokeSessions(sql, { ids: [sessionId], now, reason: 'reused' }, signal)
      const details = { sessionId, behind }
      const entry = { action: 'session.reused', actorId: null, subjectId: userId, ...caller, details }
      await insertAudit(sql, entry, now, signal)
    })
    await revocations.endSession({ userId, sessionId }, signal)
    logger.warn('session.reused', { requestId: caller.requestId, userId, sessionId, behind })
  }
}

function endedFault(session: SessionWithUser, now: Date): Fault {
  const expired = session.expires_at <= now || session.idle_expires_at <= now
  return new Fault(session.revoked_at === null && expired ? 'token_expired' : 'token_revoked')
}
