import { isIPv6 } from 'node:net'
import type { KeyPart, Policies } from '#shared/limit-policy.ts'
import type { Check } from '#shared/rate-limit/limiter.ts'
import type { Caller } from './caller.ts'

/**
 * The named policies as checks of this caller. Left out are those whose key is unknown, and for a partner those that
 * count people: many of them stand behind one partner's address.
 */
export function checksFor(names: readonly string[], policies: Policies, caller: Caller): readonly Check[] {
  const subject = subjectOf(caller)
  return names.flatMap((name) => {
    const policy = policies[name]
    if (policy === undefined || policy.by.some((part) => subject[part] === undefined)) return []
    return policy.by.includes('tenant') === (caller.partner !== undefined) ? [{ name, policy, subject }] : []
  })
}

function subjectOf({
  session,
  ip,
  device,
  route,
  tenant,
  partner,
}: Caller): Partial<Record<KeyPart, string>> {
  return {
    ip: ipKey(ip),
    route,
    tenant: partner ?? tenant,
    ...(session === undefined ? {} : { user: session.userId }),
    ...(device === '' ? {} : { device }),
  }
}

/** One subscriber of IPv6 has 2^64 addresses, so the network counts. */
export function ipKey(ip: string): string {
  if (!isIPv6(ip)) return ip
  const [head = '', tail] = ip.split('::')
  const groups = head.split(':')
  const missing =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - groups.length - tail.split(':').length)).fill('0')
  return [...groups, ...missing, ...(tail ?? '').split(':')]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '') || '0')
    .join(':')
}
