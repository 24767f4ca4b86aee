import { createHmac } from 'node:crypto'
import type { Call } from './call.ts'
import { encryptKeys, expiresInS } from './encrypt-keys.ts'
import type { Identity } from './identities.ts'
import { Refusal } from './refusal.ts'

const OK = { errcode: 0, errmsg: 'ok' } as const

/** GET /wxa/checksession */
export function checkSession(call: Call) {
  signedBy(call, 87009)
  return OK
}

/** GET /wxa/resetusersessionkey */
export function resetSessionKey(call: Call) {
  const identity = signedBy(call, 87007)
  call.world.identities.replaceSessionKey(identity)
  return { ...OK, openid: identity.openid, session_key: identity.sessionKey }
}

/** GET or POST /wxa/business/getuserencryptkey */
export function userEncryptKey(call: Call) {
  const identity = signedBy(call, 87007)
  const now = call.world.clock()
  return {
    ...OK,
    key_info_list: encryptKeys(identity, now).map((key) => ({
      encrypt_key: key.encryptKey,
      iv: key.iv,
      version: key.version,
      expire_in: expiresInS(key, now),
      create_time: Math.floor(key.createdAt / 1_000),
    })),
  }
}

/**
 * The user who signed the call with their session_key: its base64 text over the empty message.
 *
 * @throws Refusal 40003, 87008, 87009, and `withoutSession` when the user has none
 */
function signedBy({ query, body, world }: Call, withoutSession: 87007 | 87009): Identity {
  const field = (name: string) => query.get(name) ?? body[name]
  const identity = world.identities.byOpenid(String(field('openid')))
  if (identity === undefined) throw new Refusal(40003)
  if (field('sig_method') !== 'hmac_sha256') throw new Refusal(87008)
  const { sessionKey, sessionExpiresAt } = identity
  if (sessionKey === undefined || sessionExpiresAt <= world.clock()) throw new Refusal(withoutSession)
  const expected = createHmac('sha256', sessionKey).update('').digest('hex')
  if (field('signature') !== expected) throw new Refusal(87009)
  return identity
}
