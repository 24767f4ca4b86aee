import { route } from '#shared/http/route.ts'
import type { AccessTokens } from '#shared/tokens/access-tokens.ts'

/** GET /keys → 200 {keys}: the public keys, beside the envelope as well, since RFC 7517 fixes the top level. */
export function keySet(accessTokens: AccessTokens) {
  return route({
    method: 'GET',
    path: '/keys',
    async handle() {
      const jwks = accessTokens.jwks()
      return { data: jwks, beside: jwks, headers: { 'cache-control': 'public, max-age=300' } }
    },
  })
}
