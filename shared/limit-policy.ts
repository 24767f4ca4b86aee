import * as v from 'valibot'

/** What a limit's key may be made of. */
export const KEY_PARTS = ['user', 'ip', 'device', 'route', 'tenant'] as const

export type KeyPart = (typeof KEY_PARTS)[number]

const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const
const ON_STORE_ERROR = ['local', 'deny', 'allow'] as const
const MAX_WINDOW_S = 7 * 86_400
const MAX_UNITS = 1_000_000_000
/** A bucket's unit takes whole microseconds; above this rate the rounding would show. */
const MAX_BUCKET_RATE_S = 50_000
const MAX_FILL_S = 366 * 86_400

const units = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_UNITS))

/** A named limit as data: `quota` units in `windowS` seconds for each value of its key. */
export const PolicySchema = v.pipe(
  v.strictObject({
    /** Token bucket (GCRA) unless given. */
    algorithm: v.optional(v.picklist(ALGORITHMS), 'token-bucket'),
    quota: units,
    windowS: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_WINDOW_S)),
    /** Token bucket: most units at once; `quota` unless given. */
    burst: v.optional(units),
    by: v.pipe(v.array(v.picklist(KEY_PARTS)), v.minLength(1), v.maxLength(KEY_PARTS.length)),
    /** While the store is down: count in this instance, refuse, or let pass. */
    onStoreError: v.optional(v.picklist(ON_STORE_ERROR), 'local'),
  }),
  v.check(
    ({ algorithm, quota, windowS }) => algorithm !== 'token-bucket' || quota <= windowS * MAX_BUCKET_RATE_S,
    `a token bucket refills at most ${MAX_BUCKET_RATE_S} units a second; use a window`,
  ),
  v.check(
    ({ algorithm, quota, windowS, burst = quota }) =>
      algorithm !== 'token-bucket' || (burst / quota) * windowS <= MAX_FILL_S,
    'a token bucket must refill its burst within a year',
  ),
)

export type Policy = v.InferOutput<typeof PolicySchema>

/** Names of policies, as they stand in headers and keys. */
export const PolicyName = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9.-]{0,39}$/))

export type Policies = Readonly<Record<string, Policy>>

/** The policy of that name; undefined for a name of anything else that an object has. */
export function findPolicy(policies: Policies, name: string): Policy | undefined {
  return Object.hasOwn(policies, name) ? policies[name] : undefined
}
