import type { Selectable } from 'kysely'
import type { Dialect, Queries } from '#shared/db/database.ts'
import { insertOnce } from '#shared/db/insert-once.ts'
import { uuidv7 } from '#shared/ids.ts'

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
  /** The phone number in E.164, encrypted (`shared/seal.ts`). */
  phone_encrypted: string | null
  /** HMAC of the phone number in E.164, for looking it up. */
  phone_index: string | null
  /** As shown to people: 138******01. */
  phone_masked: string | null
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

export type UserRow = Selectable<UsersTable>
export type UserChange = Partial<UserRow>

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

/** Inserts unless a user with the same app and openid is there. */
export async function insertUserOnce(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Dialect },
  user: UserRow,
  signal: AbortSignal,
): Promise<void> {
  await insertOnce(sql.insertInto('users').values(user), dialect).execute({ signal })
}

/** Everything about the person, empty: what a new user begins with and what erasure goes back to. */
export const BLANK_PERSON = {
  unionid: null,
  nickname: null,
  avatar_file_id: null,
  gender: 'unknown',
  locale: null,
  roles: '',
  phone_encrypted: null,
  phone_index: null,
  phone_masked: null,
} as const satisfies UserChange

/** A row for a user who has just appeared; everything that was not given is empty. */
export function newUser({ appId, openid, unionid, now, ...rest }: NewUserFacts): UserRow {
  return {
    ...BLANK_PERSON,
    id: uuidv7(now.getTime()),
    app_id: appId,
    openid: openid ?? null,
    unionid: unionid ?? null,
    status: 'active',
    epoch: 0,
    created_at: now,
    updated_at: now,
    deleted_at: null,
    ...rest,
  }
}

export interface NewUserFacts extends Omit<UserChange, 'openid' | 'unionid'> {
  readonly appId: string
  readonly openid?: string | undefined
  readonly unionid?: string | undefined
  readonly now: Date
}

/** Whether a user was there to change; one who was deleted is not, so erased data stays erased. */
export async function updateUser(
  sql: Queries,
  id: string,
  change: UserChange,
  signal: AbortSignal,
): Promise<boolean> {
  const result = await sql
    .updateTable('users')
    .set(change)
    .where('id', '=', id)
    .where('status', '<>', 'deleted')
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

/** Takes the file away as the user's avatar, if it is. */
export async function clearAvatar(
  sql: Queries,
  { userId, fileId }: { readonly userId: string; readonly fileId: string },
  signal: AbortSignal,
): Promise<void> {
  await sql
    .updateTable('users')
    .set({ avatar_file_id: null })
    .where('id', '=', userId)
    .where('avatar_file_id', '=', fileId)
    .execute({ signal })
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
