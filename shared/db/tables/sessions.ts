import type { Insertable, Selectable } from 'kysely'
import type { Queries } from '#shared/db/database.ts'

export interface SessionsTable {
  /** UUID with 122 random bits (v4). */
  id: string
  user_id: string
  /** Generation of the refresh token; rises by one at each rotation. */
  counter: number
  /** The session's 32-byte refresh key, encrypted (`shared/seal.ts`). */
  key_encrypted: string
  /** WeChat's session_key, encrypted; null when the session did not come from wx.login. */
  wechat_key_encrypted: string | null
  /** The user's epoch when the session began. */
  epoch: number
  device_id: string | null
  device_model: string | null
  device_platform: string | null
  last_ip: string | null
  created_at: Date
  rotated_at: Date
  idle_expires_at: Date
  expires_at: Date
  revoked_at: Date | null
  revoked_reason: 'logout' | 'kicked' | 'evicted' | 'reused' | 'banned' | 'deleted' | null
}

export type SessionRow = Selectable<SessionsTable>
export type NewSession = Insertable<SessionsTable>

/** A session beside what decides whether it may still be used. */
export interface SessionWithUser extends SessionRow {
  readonly user_status: 'active' | 'banned' | 'deleted'
  readonly user_epoch: number
}

export function findSession(
  sql: Queries,
  id: string,
  signal: AbortSignal,
): Promise<SessionWithUser | undefined> {
  return sql
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .selectAll('sessions')
    .select(['users.status as user_status', 'users.epoch as user_epoch'])
    .where('sessions.id', '=', id)
    .executeTakeFirst({ signal })
}

/** The user's sessions that can still be used at `now`, oldest first. */
export function listLiveSessions(
  sql: Queries,
  { userId, now }: { readonly userId: string; readonly now: Date },
  signal: AbortSignal,
): Promise<SessionRow[]> {
  return sql
    .selectFrom('sessions')
    .selectAll()
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where('idle_expires_at', '>', now)
    .orderBy('created_at')
    .orderBy('id')
    .execute({ signal })
}

/** The user's latest sessions, ended ones included, newest first. */
export function listSessions(
  sql: Queries,
  userId: string,
  limit: number,
  signal: AbortSignal,
): Promise<SessionRow[]> {
  return sql
    .selectFrom('sessions')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute({ signal })
}

export async function insertSession(sql: Queries, session: NewSession, signal: AbortSignal): Promise<void> {
  await sql.insertInto('sessions').values(session).execute({ signal })
}

/**
 * Moves the session's counter one step on, only from the value the token carries: of many callers one wins, without a
 * row lock queue and without a row a token.
 */
export async function rotateSession(sql: Queries, rotation: Rotation, signal: AbortSignal): Promise<boolean> {
  const { id, counter, now, idleExpiresAt, ip } = rotation
  const result = await sql
    .updateTable('sessions')
    .set({ counter: counter + 1, rotated_at: now, idle_expires_at: idleExpiresAt, last_ip: ip })
    .where('id', '=', id)
    .where('counter', '=', counter)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where('idle_expires_at', '>', now)
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

export interface Rotation {
  readonly id: string
  readonly counter: number
  readonly now: Date
  readonly idleExpiresAt: Date
  readonly ip: string
}

/** Marks sessions as ended; those that already were keep their first reason. */
export async function revokeSessions(
  sql: Queries,
  revocation: Revocation,
  signal: AbortSignal,
): Promise<void> {
  if (revocation.ids.length === 0) return
  await sql
    .updateTable('sessions')
    .set({ revoked_at: revocation.now, revoked_reason: revocation.reason })
    .where('id', 'in', revocation.ids)
    .where('revoked_at', 'is', null)
    .execute({ signal })
}

export interface Revocation {
  readonly ids: readonly string[]
  readonly now: Date
  readonly reason: NonNullable<SessionRow['revoked_reason']>
}

/** Removes what tells about the person from all of a user's sessions: device, address, WeChat's key. */
export async function eraseSessionDetails(sql: Queries, userId: string, signal: AbortSignal): Promise<void> {
  await sql
    .updateTable('sessions')
    .set({
      device_id: null,
      device_model: null,
      device_platform: null,
      last_ip: null,
      wechat_key_encrypted: null,
    })
    .where('user_id', '=', userId)
    .execute({ signal })
}
