import type { Database } from '#shared/db/database.ts'
import { findSession } from '#shared/db/tables/sessions.ts'
import { findUser } from '#shared/db/tables/users.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { SignatureCheckOptions } from '#shared/signing/signature-check.ts'
import { unsealWechatKey } from '#shared/tokens/session-keys.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'

export interface UserKeyOptions {
  readonly database: Database
  readonly dataKeys: Keyring
}

/** WeChat's user key of a session, asked for with the session_key of its login. */
export function createUserKey(
  { database, dataKeys }: UserKeyOptions,
  wechat: Pick<Wechat, 'userKey'>,
): NonNullable<SignatureCheckOptions['userKey']> {
  return async ({ userId, sessionId }, version, signal) => {
    const [session, user] = await Promise.all([
      findSession(await database.sql(), sessionId, signal),
      findUser(await database.sql(), userId, signal),
    ])
    const sealed = session?.wechat_key_encrypted ?? null
    if (sealed === null || user?.openid == null) return undefined
    return wechat.userKey(user.openid, unsealWechatKey(dataKeys, sessionId, sealed), version, signal)
  }
}
