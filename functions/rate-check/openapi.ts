import * as v from 'valibot'
import type { RouteDescriptions } from '#shared/http/describe.ts'

const result = v.object({
  policy: v.string(),
  allowed: v.boolean(),
  remaining: v.number(),
  resetS: v.number(),
  retryAfterS: v.optional(v.number()),
})

export const descriptions: RouteDescriptions = {
  'POST /rate-check': {
    summary:
      'Check and take limits for another service; all of them or none. Signed by a partner, or an admin',
    auth: 'partner',
    answers: { 200: v.object({ allowed: v.boolean(), results: v.array(result) }) },
    errors: ['rate_limited'],
  },
  'ANY /rate-check/auth': {
    summary: 'Forward-auth for a gateway: X-Auth-Sub, X-Auth-Sid and X-Auth-Scope of a request that may pass',
    auth: 'session',
    answers: { 200: v.object({}) },
    errors: ['forbidden', 'rate_limited', 'risk_denied'],
  },
}
