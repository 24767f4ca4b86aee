import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Database, Queries } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import {
  insertSession,
  listLiveSessions,
  type NewSession,
  revokeSessions,
} from '#shared/db/tables/sessions.ts'
import { lockUser } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { AccessTokens } from './access-tokens.ts'
import { ABSOLUTE_MS, IDLE_MS, type IssuedSession, issueSession } from './issue-session.ts'
import type { Revocations } from './revocations.ts'
import { sealRefreshKey, sealWechatKey } from './session-keys.ts'

export interface SessionStart {
  readonly userId: string
  readonly ip: string
  readonly requestId: string
  /** WeChat's session_key of this login. */
  readonly wechatKey: string
  readonly device?: Device | undefined
}

/** What the client says about itself; shown to the user in the list of sessions. */
export interface Device {
  readonly id?: string | undefined
  readonly model?: string | undefined
  readonly platform?: string | undefined
}

/**
 * Opens a session. Beyond ten the user's oldest one ends.
 *
 * @throws Fault `forbidden` unless the user is active.
 */
export type StartSession = (start: SessionStart, signal: AbortSignal) => Promise<IssuedSession>

export interface SessionStarterOptions {
  readonly database: Database
  readonly accessTokens: AccessTokens
  readonly revocations: Revocations
  readonly dataKeys: Keyring
  readonly clock: Clock
}

export const MAX_SESSIONS = 10

export function createSessionStarter(options: SessionStarterOptions): StartSession {
  const { database, revocations, dataKeys, clock } = options

  return async (start, signal) => {
    const { userId } = start
    const sessionId = randomUUID()
    const key = randomBytes(32)
    const now = new Date(clock())
    const { epoch, evicted } = await (await database.sql()).transaction().execute(async (sql) => {
      // Parallel logins of one user take turns here, so the limit holds.
      const user = await lockUser(sql, userId, signal)
      if (user?.status !== 'active') throw new Fault('forbidden')
      const ended = await makeRoom(sql, start, now, signal)
      const sealed = {
        key_encrypted: sealRefreshKey(dataKeys, sessionId, key),
        wechat_key_encrypted: sealWechatKey(dataKeys, sessionId, start.wechatKey),
      }
      await insertSession(sql, { ...newSession(sessionId, user.epoch, start, now), ...sealed }, signal)
      return { epoch: user.epoch, evicted: ended }
    })
    for (const id of evicted) await revocations.endSession({ userId, sessionId: id }, signal)
    const expiresAt = now.getTime() + ABSOLUTE_MS
    return issueSession(options, { sessionId, userId, epoch, generation: 0, key, expiresAt })
  }
}

/** Ends the oldest sessions until one more fits; answers with their ids. */
async function makeRoom(
  sql: Queries,
  { userId, ip, requestId }: SessionStart,
  now: Date,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const live = await listLiveSessions(sql, { userId, now }, signal)
  const ids = live.slice(0, Math.max(0, live.length - MAX_SESSIONS + 1)).map((session) => session.id)
  await revokeSessions(sql, { ids, now, reason: 'evicted' }, signal)
  for (const sessionId of ids) {
    const details = { sessionId }
    const entry = { action: 'session.evicted', actorId: userId, subjectId: userId, ip, requestId, details }
    await insertAudit(sql, entry, now, signal)
  }
  return ids
}

function newSession(
  id: string,
  epoch: number,
  { userId, ip, device }: SessionStart,
  now: Date,
): Omit<NewSession, 'key_encrypted' | 'wechat_key_encrypted'> {
  return {
    id,
    user_id: userId,
    counter: 0,
    epoch,
    device_id: device?.id ?? null,
    device_model: device?.model ?? null,
    device_platform: device?.platform ?? null,
    last_ip: ip,
    created_at: now,
    rotated_at: now,
    idle_expires_at: new Date(now.getTime() + IDLE_MS),
    expires_at: new Date(now.getTime() + ABSOLUTE_MS),
    revoked_at: null,
    revoked_reason: null,
  }
}
