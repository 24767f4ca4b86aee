import { Fault } from '#shared/errors.ts'
import { retryAfterS } from '#shared/rate-limit/limit-headers.ts'
import type { CheckAnswer } from '#shared/rate-limit/limiter.ts'

/** `rate_limited` with the policies that refused and when to come back; `unavailable` where the store had to decide. */
export function limitRefusal({ allowed, unavailable, results }: CheckAnswer): Fault | undefined {
  if (unavailable) return new Fault('unavailable')
  if (allowed) return undefined
  const refusing = results.filter((result) => !result.allowed)
  return new Fault('rate_limited', {
    retryAfterS: retryAfterS(refusing),
    details: refusing.map(({ name, retryAfterMs }) => ({
      policy: name,
      retryAfterS: Math.max(1, Math.ceil(retryAfterMs / 1_000)),
    })),
  })
}
