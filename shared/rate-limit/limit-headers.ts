import type { CheckResult } from './limiter.ts'

/**
 * `RateLimit-Policy` and `RateLimit` of an answer: what the limits are, and what is left of them. Each is a list with one
 * member for each policy; where a policy was checked for several subjects, the one with the least left.
 *
 * @see draft-ietf-httpapi-ratelimit-headers-11, and RFC 9651 §3.1 for the lists
 */
export function limitHeaders(results: readonly CheckResult[]): Readonly<Record<string, string>> {
  const tightest = new Map<string, CheckResult>()
  for (const result of results) {
    const other = tightest.get(result.name)
    if (other === undefined || isTighter(result, other)) tightest.set(result.name, result)
  }
  if (tightest.size === 0) return {}
  const members = [...tightest.values()]
  return {
    'RateLimit-Policy': members
      .map(({ name, policy }) => `"${name}";q=${policy.quota};w=${policy.windowS}`)
      .join(', '),
    RateLimit: members
      .map(({ name, remaining, resetMs }) => `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`)
      .join(', '),
  }
}

/** Whole seconds until all that refused would allow the same call; at least 1. */
export function retryAfterS(results: readonly Pick<CheckResult, 'allowed' | 'retryAfterMs'>[]): number {
  const waitsMs = results.filter(({ allowed }) => !allowed).map(({ retryAfterMs }) => retryAfterMs)
  return Math.max(1, Math.ceil(Math.max(0, ...waitsMs) / 1_000))
}

function isTighter(one: CheckResult, other: CheckResult): boolean {
  return one.allowed === other.allowed ? one.remaining < other.remaining : other.allowed
}
