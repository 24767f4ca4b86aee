import type { Insertable, Selectable, Updateable } from 'kysely'
import type { Queries } from '#shared/db/database.ts'

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

export function findUser(sql: Queries, id: string, signal: AbortSignal): Promise<UserRow | undefined> {
  return sql.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst({ signal })
}

/** The user's row, locked until the transaction ends, so that changes to the user's sessions take turns. */
export function lockUser(sql: Queries, id: string, signal: AbortSignal): Promise<UserRow | undefined> {
  return sql.selectFrom('users').selectAll().where('id', '=', id).forUpdate().executeTakeFirst({ signal })
}

export function findUserByOpenid(
  sql: Queries,
  key: OpenidKey,
  signal: AbortSignal,
): Promise<UserRow | undefined> {
  return sql
    .selectFrom('users')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('openid', '=', key.openid)
    .executeTakeFirst({ signal })
}

/** Users of one mini-program, newest first, after the cursor's position. */
export function listUsers(sql: Queries, page: UserPage, signal: AbortSignal): Promise<UserRow[]> {
  return sql
    .selectFrom('users')
    .selectAll()
    .where('app_id', '=', page.appId)
    .$if(page.phoneIndex !== undefined, (query) => query.where('phone_index', '=', page.phoneIndex ?? ''))
    .$if(page.afterId !== undefined, (query) => query.where('id', '<', page.afterId ?? ''))
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute({ signal })
}

export async function insertUser(sql: Queries, user: NewUser, signal: AbortSignal): Promise<void> {
  await sql.insertInto('users').values(user).execute({ signal })
}

export async function updateUser(
  sql: Queries,
  id: string,
  change: UserChange,
  signal: AbortSignal,
): Promise<void> {
  await sql.updateTable('users').set(change).where('id', '=', id).execute({ signal })
}

/** Ends every session of the user: tokens issued under the former epoch stop being accepted. */
export async function raiseEpoch(sql: Queries, id: string, signal: AbortSignal): Promise<void> {
  await sql
    .updateTable('users')
    .set((column) => ({ epoch: column('epoch', '+', 1) }))
    .where('id', '=', id)
    .execute({ signal })
}

export interface OpenidKey {
  readonly appId: string
  readonly openid: string
}

export interface UserPage {
  readonly appId: string
  readonly limit: number
  /** Only users older than this one (ids sort by time of creation). */
  readonly afterId?: string | undefined
  readonly phoneIndex?: string | undefined
}
