import type { Insertable, Selectable } from 'kysely'

export interface SessionsTable {
  /** UUID with 122 random bits (v4). */
  id: string
  user_id: string
  /** Generation of the refresh token; rises by one at each rotation. */
  counter: number
  /** The session's 32-byte refresh key, encrypted (`shared/crypto`). */
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
