import * as v from 'valibot'
import type { RouteDescriptions } from '#shared/http/describe.ts'
import { publicUserFields } from '#shared/users/public-user-schema.ts'

const session = v.object({
  accessToken: v.string(),
  expiresInS: v.number(),
  refreshToken: v.string(),
  refreshExpiresInS: v.number(),
  signing: v.object({ kid: v.string(), key: v.string() }),
  user: v.object(publicUserFields),
})

const key = v.object({
  kty: v.literal('EC'),
  crv: v.literal('P-256'),
  x: v.string(),
  y: v.string(),
  kid: v.string(),
  alg: v.literal('ES256'),
  use: v.literal('sig'),
})

export const descriptions: RouteDescriptions = {
  'POST /login': {
    summary: 'Sign in with the code of wx.login',
    auth: 'none',
    answers: { 200: session },
    errors: [
      'login_code_invalid',
      'forbidden',
      'risk_denied',
      'rate_limited',
      'upstream_failed',
      'upstream_timeout',
    ],
  },
  'POST /login/refresh': {
    summary: 'Exchange a refresh token for a new pair',
    auth: 'none',
    answers: { 200: session },
    errors: ['unauthenticated', 'token_expired', 'token_revoked'],
  },
  'POST /logout': {
    summary: 'End this session, or every session of the user',
    auth: 'session',
    answers: { 200: v.object({}) },
  },
  'GET /keys': {
    summary: 'Public keys that access tokens are signed with (JWK set; `keys` also stands at the top level)',
    auth: 'none',
    answers: { 200: v.object({ keys: v.array(key) }) },
  },
}
