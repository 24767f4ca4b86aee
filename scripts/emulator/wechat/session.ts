import { createHmac, randomBytes } from 'node:crypto'
import type { Call } from './call.ts'
import type { EncryptKey, Identity } from './identities.ts'
import { Refusal } from './refusal.ts'

const OK = { errcode: 0, errmsg: 'ok' } as const
const KEY_LIFE_MS = 3_600_000
/** WeChat doesn't publish when it makes another key; this gives three overlapping ones an hour. */
const KEY_RENEWAL_MS = 1_200_000
const KEYS_LISTED = 3

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
  const living = identity.encryptKeys.filter(({ createdAt }) => createdAt + KEY_LIFE_MS > now)
  const latest = living[0]
  const fresh = latest !== undefined && now - latest.createdAt < KEY_RENEWAL_MS
  identity.encryptKeys = (fresh ? living : [newKey(identity, now), ...living]).slice(0, KEYS_LISTED)
  return {
    ...OK,
    key_info_list: identity.encryptKeys.map(({ encryptKey, iv, version, createdAt }) => ({
      encrypt_key: encryptKey,
      iv,
      version,
      expire_in: Math.floor((createdAt + KEY_LIFE_MS - now) / 1_000),
      create_time: Math.floor(createdAt / 1_000),
    })),
  }
}

function newKey({ encryptKeys }: Identity, createdAt: number): EncryptKey {
  return {
    encryptKey: randomBytes(16).toString('base64'),
    iv: randomBytes(8).toString('hex'),
    version: (encryptKeys[0]?.version ?? 0) + 1,
    createdAt,
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
