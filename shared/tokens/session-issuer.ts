import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Database, Queries } from '#shared/db/database.ts'
import {
  findSession,
  insertSession,
  listLiveSessions,
  type NewSession,
  revokeSessions,
  rotateSession,
  type SessionWithUser,
} from '#shared/db/tables/sessions.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { lockUser } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Keyring } from '#shared/keyring.ts'
import { seal, unseal } from '#shared/seal.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { AccessTokens } from './access-tokens.ts'
import { decodeRefreshToken, encodeRefreshToken } from './refresh-token.ts'
import type { Revocations } from './revocations.ts'
import { isLive } from './session-guard.ts'
import { sealWechatKey } from './wechat-key.ts'

export interface TokenPair {
  readonly accessToken: string
  readonly expiresInS: number
  readonly refreshToken: string
  readonly refreshExpiresInS: number
}

export interface IssuedSession {
  readonly tokens: TokenPair
  readonly sessionId: string
  readonly userId: string
  readonly generation: number
}

export interface SessionStart {
  readonly userId: string
  readonly ip: string
  readonly requestId: string
  /** WeChat's session_key of this login. */
  readonly wechatKey?: string
  readonly device?:
    | {
        readonly id?: string | undefined
        readonly model?: string | undefined
        readonly platform?: string | undefined
      }
    | undefined
}

export interface SessionIssuer {
  /** Opens a session; beyond ten the user's oldest ends. @throws Fault `forbidden` for a banned user. */
  begin(start: SessionStart, signal: AbortSignal): Promise<IssuedSession>
  /**
   * Exchanges a refresh token. The token before the current one gives the current one again for 60 s, for clients whose
   * answer was lost; any older use means the token was stolen and ends the session.
   *
   * @throws Fault `token_revoked` or `token_expired`, `unauthenticated` for what is no refresh token.
   */
  refresh(
    token: string,
    caller: { readonly ip: string; readonly requestId: string },
    signal: AbortSignal,
  ): Promise<IssuedSession>
}

export interface SessionIssuerOptions {
  readonly database: Database
  readonly accessTokens: AccessTokens
  readonly revocations: Revocations
  readonly dataKeys: Keyring
  readonly clock: Clock
  readonly logger: Logger
}

export const MAX_SESSIONS = 10
export const GRACE_MS = 60_000

const DAY_MS = 86_400_000
const IDLE_MS = 30 * DAY_MS
const ABSOLUTE_MS = 90 * DAY_MS

export function createSessionIssuer(options: SessionIssuerOptions): SessionIssuer {
  const { database, accessTokens, revocations, dataKeys, clock, logger } = options

  async function begin(start: SessionStart, signal: AbortSignal): Promise<IssuedSession> {
    const id = randomUUID()
    const key = randomBytes(32)
    const { epoch, evicted } = await database.sql.transaction().execute(async (sql) => {
      const user = await lockUser(sql, start.userId, signal)
      if (user?.status !== 'active') throw new Fault('forbidden')
      const ended = await makeRoom(sql, start, signal)
      await insertSession(sql, newSession(id, key, user.epoch, start), signal)
      return { epoch: user.epoch, evicted: ended }
    })
    for (const sessionId of evicted) await revocations.endSession({ userId: start.userId, sessionId }, signal)
    return issue({ id, userId: start.userId, epoch, counter: 0, key, expiresAt: clock() + ABSOLUTE_MS })
  }

  /** Ends the oldest sessions until one more fits. The user's row is locked, so parallel logins take turns. */
  async function makeRoom(
    sql: Queries,
    { userId, ip, requestId }: SessionStart,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const now = new Date(clock())
    const live = await listLiveSessions(sql, { userId, now }, signal)
    const ids = live.slice(0, Math.max(0, live.length - MAX_SESSIONS + 1)).map((session) => session.id)
    await revokeSessions(sql, { ids, now, reason: 'evicted' }, signal)
    for (const sessionId of ids) {
      const entry = {
        action: 'session.evicted',
        actorId: userId,
        subjectId: userId,
        ip,
        requestId,
        details: { sessionId },
      }
      await insertAudit(sql, entry, now, signal)
    }
    return ids
  }

  function newSession(id: string, key: Uint8Array, epoch: number, start: SessionStart): NewSession {
    const now = clock()
    return {
      id,
      user_id: start.userId,
      counter: 0,
      key_encrypted: seal(dataKeys, Buffer.from(key).toString('base64url'), keyContext(id)),
      wechat_key_encrypted:
        start.wechatKey === undefined ? null : sealWechatKey(dataKeys, id, start.wechatKey),
      epoch,
      device_id: start.device?.id ?? null,
      device_model: start.device?.model ?? null,
      device_platform: start.device?.platform ?? null,
      last_ip: start.ip,
      created_at: new Date(now),
      rotated_at: new Date(now),
      idle_expires_at: new Date(now + IDLE_MS),
      expires_at: new Date(now + ABSOLUTE_MS),
      revoked_at: null,
      revoked_reason: null,
    }
  }

  async function refresh(
    text: string,
    caller: { ip: string; requestId: string },
    signal: AbortSignal,
  ): Promise<IssuedSession> {
    const token = decodeRefreshToken(text)
    const session = token && (await findSession(database.sql, token.sessionId, signal))
    if (token === undefined || session === undefined) throw new Fault('unauthenticated')
    const key = Buffer.from(unseal(dataKeys, session.key_encrypted, keyContext(session.id)), 'base64url')
    if (!token.isAuthentic(key)) throw new Fault('unauthenticated')
    const now = new Date(clock())
    if (!isLive(session, now)) throw deadSession(session, now)

    const idleExpiresAt = new Date(Math.min(now.getTime() + IDLE_MS, session.expires_at.getTime()))
    const rotation = { id: session.id, counter: token.counter, now, idleExpiresAt, ip: caller.ip }
    const rotated = session.counter === token.counter && (await rotateSession(database.sql, rotation, signal))
    const counter = rotated
      ? token.counter + 1
      : await currentCounter(token.counter, session.id, caller, signal)
    return issue({ ...claimsOf(session), counter, key })
  }

  /** The counter to answer a token with that is not the current one. */
  async function currentCounter(
    counter: number,
    sessionId: string,
    caller: { ip: string; requestId: string },
    signal: AbortSignal,
  ): Promise<number> {
    const session = await findSession(database.sql, sessionId, signal)
    const now = new Date(clock())
    if (session === undefined || !isLive(session, now)) throw new Fault('token_revoked')
    const behind = session.counter - counter
    if (behind === 1 && now.getTime() - session.rotated_at.getTime() <= GRACE_MS) return session.counter
    await endReused(session, behind, caller, now, signal)
    throw new Fault('token_revoked', { details: [{ reason: 'refresh_token_reused' }] })
  }

  async function endReused(
    session: SessionWithUser,
    behind: number,
    { ip, requestId }: { ip: string; requestId: string },
    now: Date,
    signal: AbortSignal,
  ): Promise<void> {
    const { id: sessionId, user_id: userId } = session
    await database.sql.transaction().execute(async (sql) => {
      await revokeSessions(sql, { ids: [sessionId], now, reason: 'reused' }, signal)
      const entry = {
        action: 'session.reused',
        actorId: null,
        subjectId: userId,
        ip,
        requestId,
        details: { sessionId, behind },
      }
      await insertAudit(sql, entry, now, signal)
    })
    await revocations.endSession({ userId, sessionId }, signal)
    logger.warn('session.reused', { requestId, userId, sessionId, behind })
  }

  async function issue(session: Issue): Promise<IssuedSession> {
    const { id, userId, epoch, counter, key, expiresAt } = session
    const access = await accessTokens.issue({ userId, sessionId: id, epoch, generation: counter })
    const refreshLifeMs = Math.min(IDLE_MS, expiresAt - clock())
    const tokens = {
      ...access,
      refreshToken: encodeRefreshToken(id, counter, key),
      refreshExpiresInS: Math.floor(refreshLifeMs / 1000),
    }
    return { tokens, sessionId: id, userId, generation: counter }
  }

  return { begin, refresh }
}

interface Issue {
  readonly id: string
  readonly userId: string
  readonly epoch: number
  readonly counter: number
  readonly key: Uint8Array
  readonly expiresAt: number
}

function claimsOf(session: SessionWithUser): Omit<Issue, 'counter' | 'key'> {
  return {
    id: session.id,
    userId: session.user_id,
    epoch: session.epoch,
    expiresAt: session.expires_at.getTime(),
  }
}

function deadSession(session: SessionWithUser, now: Date): Fault {
  const expired = session.expires_at <= now || session.idle_expires_at <= now
  return new Fault(session.revoked_at === null && expired ? 'token_expired' : 'token_revoked')
}

function keyContext(sessionId: string): string {
  return `sessions.key:${sessionId}`
}
