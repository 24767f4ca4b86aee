import { checkCredentials } from './credentials.ts'
import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'

/** The person whom WeChat's risk control blocks: `dev-blocked` answers 40226. */
const BLOCKED = 'blocked'

/** GET /sns/jscode2session */
export function login({ query, world }: Call) {
  checkCredentials(world, query.get('appid'), query.get('secret'))
  const code = query.get('js_code') ?? ''
  if (code === '') throw new Refusal(41008)
  if (query.get('grant_type') !== 'authorization_code') throw new Refusal(40002)
  const identity = world.loginCodes.redeem(code)
  if (identity.name === BLOCKED) throw new Refusal(40226)
  world.quotas.take(`login:${identity.openid}`, world.loginsPerMinute)
  world.identities.logIn(identity)
  return { session_key: identity.sessionKey, openid: identity.openid, unionid: identity.unionid }
}
