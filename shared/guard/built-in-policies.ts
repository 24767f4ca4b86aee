import type { Policies, Policy } from '#shared/limit-policy.ts'

const MINUTE_S = 60
const HOUR_S = 3_600
const DAY_S = 86_400

/**
 * The limits a deployment starts with; publishing a policy of the same name replaces one. Addresses have room for the
 * many people behind one carrier's NAT. `deny` where a missing limit would cost money or an account.
 */
const POLICIES = {
  ip: { quota: 12_000, windowS: MINUTE_S, burst: 2_000, by: ['ip'] },
  'login-ip': { quota: 3_000, windowS: MINUTE_S, burst: 600, by: ['ip'], onStoreError: 'deny' },
  'login-device': { quota: 20, windowS: MINUTE_S, burst: 10, by: ['device'], onStoreError: 'deny' },
  'refresh-ip': { quota: 6_000, windowS: MINUTE_S, burst: 1_200, by: ['ip'] },
  'user-read': { quota: 1_800, windowS: MINUTE_S, burst: 600, by: ['user'], onStoreError: 'allow' },
  'user-write': { quota: 600, windowS: MINUTE_S, burst: 120, by: ['user'] },
  upload: { quota: 600, windowS: MINUTE_S, burst: 120, by: ['user'] },
  'user-export': { quota: 10, windowS: HOUR_S, by: ['user'] },
  phone: { quota: 5, windowS: MINUTE_S, by: ['user'], onStoreError: 'deny' },
  'phone-day': {
    algorithm: 'sliding-window',
    quota: 20,
    windowS: DAY_S,
    by: ['user'],
    onStoreError: 'deny',
  },
  delete: { quota: 5, windowS: HOUR_S, by: ['user'], onStoreError: 'deny' },
  admin: { quota: 1_800, windowS: MINUTE_S, burst: 300, by: ['user'] },
  /** Calls of POST /rate-check by one partner. */
  partner: { quota: 1_200_000, windowS: MINUTE_S, burst: 100_000, by: ['tenant'] },
  /** WeChat and WeChat Pay tell of everybody from a few addresses. */
  callback: { quota: 120_000, windowS: MINUTE_S, burst: 20_000, by: ['ip'] },
  /** What forward-auth takes from one client unless the gateway names another policy. */
  'forward-auth': { quota: 12_000, windowS: MINUTE_S, burst: 2_000, by: ['ip'] },
} as const satisfies Record<string, Partial<Policy> & Pick<Policy, 'quota' | 'windowS'>>

export type BuiltInPolicy = keyof typeof POLICIES

/** The policies with every quota `factor` times as large, for a big deployment or a load test. */
export function builtInPolicies(factor = 1): Policies {
  return Object.fromEntries(
    Object.entries<Partial<Policy> & Pick<Policy, 'quota' | 'windowS'>>(POLICIES).map(([name, policy]) => [
      name,
      {
        algorithm: 'token-bucket',
        by: ['ip'],
        onStoreError: 'local',
        ...policy,
        quota: policy.quota * factor,
        ...(policy.burst === undefined ? {} : { burst: policy.burst * factor }),
      },
    ]),
  )
}
