import type { Insertable, Selectable, Updateable } from 'kysely'

export interface UsersTable {
  /** UUIDv7. */
  id: string
  app_id: string
  /** WeChat's id of the user in this mini-program; null for a user an admin created, `deleted:<id>` after deletion. */
  openid: string | null
  unionid: string | null
  status: 'active' | 'banned' | 'deleted'
  /** Rises when every session of the user must end; access tokens carry the value they were issued under. */
  epoch: number
  nickname: string | null
  avatar_file_id: string | null
  gender: 'unknown' | 'male' | 'female'
  locale: string | null
  /** Comma-separated role names; empty for an ordinary user. */
  roles: string
  /** The phone number in E.164, encrypted (`shared/crypto`). */
  phone_encrypted: string | null
  /** HMAC of the phone number in E.164, for looking it up. */
  phone_index: string | null
  /** As shown to people: 138****0001. */
  phone_masked: string | null
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

export type UserRow = Selectable<UsersTable>
export type NewUser = Insertable<UsersTable>
export type UserChange = Updateable<UsersTable>
