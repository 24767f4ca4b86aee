import * as v from 'valibot'
import { findUserByOpenid, lockUser, type UserRow } from '#shared/db/tables/users.ts'
import type { EventCall } from './events.ts'

export const openid = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(128))

/** The user of an openid, locked until the transaction ends; undefined for somebody who never signed in or is gone. */
export async function lockPerson(
  { sql, appId, logger, requestId }: EventCall,
  openid: string,
  signal: AbortSignal,
): Promise<UserRow | undefined> {
  const found = await findUserByOpenid(sql, { appId, openid }, signal)
  const user = found && (await lockUser(sql, found.id, signal))
  if (user !== undefined && user.openid === openid) return user
  logger.info('callback.unknown_user', { requestId })
  return undefined
}
