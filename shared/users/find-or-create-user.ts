import type { Database } from '#shared/db/database.ts'
import { findUserByOpenid, insertUserOnce, newUser, type UserRow } from '#shared/db/tables/users.ts'

export interface WechatIdentity {
  readonly appId: string
  readonly openid: string
  readonly unionid?: string | undefined
}

/** The user of a WeChat identity, made at the first login. The key is (appid, openid): one openid is two users in two apps. */
export async function findOrCreateUser(
  database: Database,
  identity: WechatIdentity,
  now: Date,
  signal: AbortSignal,
): Promise<UserRow> {
  const sql = await database.sql()
  const existing = await findUserByOpenid(sql, identity, signal)
  if (existing !== undefined) return existing
  // Of two first logins at once one inserts; both then read that row.
  await insertUserOnce({ sql, dialect: database.dialect }, newUser({ ...identity, now }), signal)
  const created = await findUserByOpenid(sql, identity, signal)
  if (created === undefined) throw new TypeError('A user just inserted cannot be found')
  return created
}
