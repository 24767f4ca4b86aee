import type { Policy } from '#shared/limit-policy.ts'
import { keyText, userTag } from '#shared/state/key-text.ts'
import type { Limit } from '#shared/state/store.ts'
import type { Check } from './limiter.ts'

/** How many units there are at once when nothing was taken. */
export function sizeOf({ algorithm, quota, burst }: Policy): number {
  return algorithm === 'token-bucket' ? (burst ?? quota) : quota
}

/**
 * The limit that a check stands for. Its key begins with the hash tag `{u:<user>}` where the policy counts users, which
 * puts it beside everything else about that user, else with its first part.
 */
export function limitOf({ name, policy, subject, cost = 1 }: Check): Limit {
  // What exceeds the whole limit is never granted, by however much.
  const charge = { key: keyOf(name, policy, subject), cost: Math.min(cost, sizeOf(policy) + 1) }
  const windowMs = policy.windowS * 1_000
  if (policy.algorithm !== 'token-bucket') {
    return { ...charge, kind: policy.algorithm, quota: policy.quota, windowMs }
  }
  return { ...charge, burst: sizeOf(policy), intervalMs: windowMs / policy.quota }
}

function keyOf(name: string, policy: Policy, subject: Check['subject']): string {
  const { by } = policy
  const first = by.includes('user') ? 'user' : by[0]
  if (first === undefined) throw new TypeError(`Cannot limit: the policy ${name} has no key`)
  const rest = by.filter((part) => part !== first).map((part) => `;${part}=${keyText(subject[part] ?? '')}`)
  const value = subject[first] ?? ''
  const tag = first === 'user' ? userTag(value) : `{${first}:${keyText(value)}}`
  return `${tag}:rl:${name}${measures(policy)}${rest.join('')}`
}

/** Part of the key, so that a policy published with other numbers begins at once: what an old one took says nothing. */
function measures({ algorithm, quota, windowS, burst = quota }: Policy): string {
  return `@${quota}/${windowS}${ALGORITHM_ENDS[algorithm](burst)}`
}

const ALGORITHM_ENDS = {
  'token-bucket': (burst) => `/${burst}`,
  'sliding-window': () => 's',
  'fixed-window': () => 'f',
} as const satisfies Record<Policy['algorithm'], (burst: number) => string>
