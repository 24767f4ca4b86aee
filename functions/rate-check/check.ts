import * as v from 'valibot'
import type { RequireUser } from '#shared/backend/current-user.ts'
import { Fault } from '#shared/errors.ts'
import type { Guard } from '#shared/guard/guard.ts'
import { comesAsAdmin } from '#shared/guard/signature-demand.ts'
import { type Call, type Reply, route } from '#shared/http/route.ts'
import { ipKey } from '#shared/ip-address.ts'
import { findPolicy, KEY_PARTS, type Policies, PolicyName } from '#shared/limit-policy.ts'
import { sizeOf } from '#shared/rate-limit/check-limit.ts'
import { retryAfterS } from '#shared/rate-limit/limit-headers.ts'
import type { Check, CheckResult, Limiter } from '#shared/rate-limit/limiter.ts'

const part = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const keyPart = v.optional(part)
const key = v.strictObject({
  user: keyPart,
  ip: v.optional(v.pipe(part, v.ip('expected an IP address'), v.transform(ipKey))),
  device: keyPart,
  route: keyPart,
  tenant: keyPart,
})
const MAX_CHECKS = 20
const MAX_COST = 1_000_000

export const RateCheck = v.strictObject({
  checks: v.pipe(
    v.array(
      v.strictObject({
        policy: PolicyName,
        key,
        /** Units to take; 0 only looks. */
        cost: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_COST)), 1),
      }),
    ),
    v.minLength(1),
    v.maxLength(MAX_CHECKS),
  ),
})

type RateCheckBody = v.InferOutput<typeof RateCheck>

export interface RateCheckOptions {
  readonly guard: Pick<Guard, 'policies'>
  readonly limiter: Limiter
  readonly requireAdmin: RequireUser
}

/**
 * POST /rate-check {checks: [{policy, key, cost?}]} → 200 {allowed, results}: for other services, which sign as
 * partners. Several checks are all taken or none. Refused is an answer like any other, so it is a 200, too.
 */
export function rateCheck({ guard, limiter, requireAdmin }: RateCheckOptions) {
  async function handle({ request, body, invocation, signal }: Call<RateCheckBody>): Promise<Reply> {
    if (comesAsAdmin(request.headers)) await requireAdmin(request, signal)
    const checks = checksOf(body, await guard.policies({ invocation, signal }))
    const { allowed, unavailable, results } = await limiter.check({ checks }, signal)
    if (unavailable) throw new Fault('unavailable')
    return { data: { allowed, results: results.map(presentResult) } }
  }

  return route({ method: 'POST', path: '/rate-check', body: RateCheck, handle })
}

/**
 * @throws Fault `validation_failed` for a policy that does not exist, a key without its parts, a cost for which no wait is
 * long enough, and a limit named twice
 */
function checksOf({ checks }: RateCheckBody, policies: Policies): readonly Check[] {
  const problems: { path: string; message: string }[] = []
  const seen = new Set<string>()
  const found = checks.flatMap(({ policy: name, key: subject, cost }, at): Check[] => {
    const policy = findPolicy(policies, name)
    if (policy === undefined) {
      problems.push({
        path: `checks.${at}.policy`,
        message: 'no such policy; GET /rate-check/policies lists them',
      })
      return []
    }
    const missing = policy.by.filter((part) => subject[part] === undefined)
    for (const part of missing)
      problems.push({ path: `checks.${at}.key.${part}`, message: 'is required by the policy' })
    if (cost > sizeOf(policy))
      problems.push({
        path: `checks.${at}.cost`,
        message: `more than the policy ever grants (${sizeOf(policy)})`,
      })
    const limit = JSON.stringify([name, ...policy.by.map((part) => subject[part])])
    if (seen.has(limit))
      problems.push({ path: `checks.${at}`, message: 'the same limit occurs twice; give it a higher cost' })
    seen.add(limit)
    // Parts that the policy does not name play no role in its key.
    const parts = KEY_PARTS.flatMap((part) => (policy.by.includes(part) ? [[part, subject[part]]] : []))
    return [{ name, policy, subject: Object.fromEntries(parts), cost }]
  })
  if (problems.length > 0) throw new Fault('validation_failed', { details: problems })
  return found
}

function presentResult(result: CheckResult) {
  const { name, allowed, remaining, resetMs } = result
  return {
    policy: name,
    allowed,
    remaining,
    resetS: Math.ceil(resetMs / 1_000),
    ...(allowed ? {} : { retryAfterS: retryAfterS([result]) }),
  }
}
