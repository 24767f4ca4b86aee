import { checkCredentials } from './credentials.ts'
import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'

const GRANT_TYPE = 'client_credential'

/** POST /cgi-bin/stable_token */
export function stableToken({ body, world }: Call) {
  if (body['grant_type'] !== GRANT_TYPE) throw new Refusal(40002)
  checkCredentials(world, body['appid'], body['secret'])
  return { ...world.tokens.stable(body['force_refresh'] === true ? 'force' : 'normal') }
}

/** GET /cgi-bin/token */
export function plainToken({ query, world }: Call) {
  if (query.get('grant_type') !== GRANT_TYPE) throw new Refusal(40002)
  checkCredentials(world, query.get('appid'), query.get('secret'))
  return { ...world.tokens.plain() }
}
