import { ipKey } from '#shared/ip-address.ts'
import { findPolicy, type KeyPart, type Policies } from '#shared/limit-policy.ts'
import type { Check } from '#shared/rate-limit/limiter.ts'
import type { Caller } from './caller.ts'

/**
 * The named policies as checks of this caller. Left out are those whose key is unknown, and for a partner those that
 * count people: many of them stand behind one partner's address.
 */
export function checksFor(names: readonly string[], policies: Policies, caller: Caller): readonly Check[] {
  const subject = subjectOf(caller)
  return names.flatMap((name) => {
    const policy = findPolicy(policies, name)
    if (policy === undefined || policy.by.some((part) => subject[part] === undefined)) return []
    return policy.by.includes('tenant') === (caller.partner !== undefined) ? [{ name, policy, subject }] : []
  })
}

function subjectOf({ userId, ip, device, route, tenant, partner }: Caller): Partial<Record<KeyPart, string>> {
  return {
    ip: ipKey(ip),
    route,
    tenant: partner ?? tenant,
    ...(userId === undefined ? {} : { user: userId }),
    ...(device === '' ? {} : { device }),
  }
}
