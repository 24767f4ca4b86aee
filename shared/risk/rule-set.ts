import * as v from 'valibot'
import { PolicyName, PolicySchema } from '#shared/limit-policy.ts'
import { GivenFacts } from './facts.ts'

export const MAX_RULES = 200
export const MAX_COUNTERS = 10
const MAX_CASES = 200
const MAX_POLICIES = 50
/** Of a rule's condition, in UTF-16 units. */
export const MAX_WHEN_CHARS = 2_000
const MAX_PRIORITY = 1_000_000
const MAX_COUNTER_WINDOW_S = 7 * 86_400

/** The name of the decision that the deny list makes; no rule may have it. */
export const DENY_LIST_RULE = 'deny-list'

/** HEAD counts as GET. The others are what a gateway may ask about. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const id = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,63}$/, 'expected lower-case letters, digits and -, at most 64'),
  v.check((name) => name !== DENY_LIST_RULE, 'is the name of the deny list'),
)

const Scope = v.strictObject({
  /** As in the route table: `/users/{id}`. Every route unless given. */
  route: v.optional(v.pipe(v.string(), v.regex(/^\/[\x21-\x7e]{0,199}$/, 'expected a route, as /login'))),
  method: v.optional(v.picklist(METHODS)),
})

export type Scope = v.InferOutput<typeof Scope>

const RuleSchema = v.strictObject({
  id,
  /** Rules are tried from the highest on; equal ones in the order they stand. */
  priority: v.pipe(v.number(), v.integer(), v.minValue(-MAX_PRIORITY), v.maxValue(MAX_PRIORITY)),
  scope: v.optional(Scope, {}),
  /** A condition in CEL. */
  when: v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_WHEN_CHARS)),
  action: v.picklist(['allow', 'deny', 'challenge', 'throttle', 'shadow']),
  /** The policy of `throttle`. */
  policy: v.optional(PolicyName),
  /** What a `shadow` rule stands for; `deny` unless given. */
  would: v.optional(v.picklist(['deny', 'challenge', 'throttle'])),
  /** Told to the client in `details`; the rule's id unless given. */
  reason: v.optional(
    v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/, 'expected lower-case letters, digits and _')),
  ),
  expiresAt: v.optional(v.pipe(v.string(), v.isoTimestamp('expected RFC 3339, as 2026-12-01T00:00:00Z'))),
})

export type Rule = v.InferOutput<typeof RuleSchema>

export const COUNTER_PARTS = ['user', 'ip', 'device'] as const

const CounterSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z][A-Za-z0-9_]{0,39}$/, 'expected a name, as loginsPerDevice')),
  /** The requests that it counts. */
  scope: v.optional(Scope, {}),
  by: v.pipe(v.array(v.picklist(COUNTER_PARTS)), v.minLength(1), v.maxLength(COUNTER_PARTS.length)),
  windowS: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_COUNTER_WINDOW_S)),
})

/** Requests of the last `windowS` seconds, this one included, with the same user, address or device. */
export type Counter = v.InferOutput<typeof CounterSchema>

/** A decision that the rules must make, or else they are not put in force. */
const CaseSchema = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  route: v.pipe(
    v.string(),
    v.regex(
      /^(?:GET|POST|PUT|PATCH|DELETE|OPTIONS) \/[\x21-\x7e]{0,199}$/,
      'expected a call, as POST /login',
    ),
  ),
  facts: v.optional(GivenFacts, {}),
  expect: v.strictObject({
    action: v.picklist(['allow', 'deny', 'challenge', 'throttle']),
    rule: v.optional(id),
  }),
})

/** The parts of a set, for the bodies of requests. */
export const RULE_SET_PARTS = {
  rules: v.pipe(v.array(RuleSchema), v.maxLength(MAX_RULES)),
  counters: v.pipe(v.array(CounterSchema), v.maxLength(MAX_COUNTERS)),
  cases: v.pipe(v.array(CaseSchema), v.maxLength(MAX_CASES)),
  policies: v.pipe(v.record(PolicyName, PolicySchema), v.maxEntries(MAX_POLICIES)),
} as const

/** Rules with what belongs to them, published as a whole. */
export const RuleSet = v.strictObject({
  rules: v.optional(RULE_SET_PARTS.rules, []),
  counters: v.optional(RULE_SET_PARTS.counters, []),
  cases: v.optional(RULE_SET_PARTS.cases, []),
  policies: v.optional(RULE_SET_PARTS.policies, {}),
})

export type RuleSet = v.InferOutput<typeof RuleSet>

export const EMPTY_SET: RuleSet = { rules: [], counters: [], cases: [], policies: {} }

/** What keeps a set from being published, and where. */
export interface Problem {
  /** `rules.3.when`. */
  readonly path: string
  readonly message: string
  /** Of the place in the rule's condition, both from 1. */
  readonly line?: number
  readonly column?: number
}

/** Whether a scope takes in a call of a route, given as `POST /login`. */
export function isInScope({ method, route }: Scope, call: string): boolean {
  const space = call.indexOf(' ')
  return (
    (method === undefined || method === call.slice(0, space)) &&
    (route === undefined || route === call.slice(space + 1))
  )
}
