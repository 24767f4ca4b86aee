import * as v from 'valibot'
import { pageLimit } from '#shared/http/page-query.ts'
import { RULE_SET_PARTS } from '#shared/risk/rule-set.ts'

const version = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(999_999_999))

/** Rules to publish, or the version to publish again. */
export const RulesChange = v.pipe(
  v.strictObject({
    /** The version that the change was made for: another one in force is a conflict. */
    baseVersion: v.optional(version),
    version: v.optional(v.pipe(version, v.minValue(1))),
    rules: v.optional(RULE_SET_PARTS.rules),
    counters: v.optional(RULE_SET_PARTS.counters),
    cases: v.optional(RULE_SET_PARTS.cases),
  }),
  v.check(
    ({ version: old, rules, counters, cases }) =>
      old === undefined ? rules !== undefined : [rules, counters, cases].every((part) => part === undefined),
    'expected either rules or the version of old ones',
  ),
)

export const RulesDraft = v.strictObject({
  draft: v.strictObject({
    rules: RULE_SET_PARTS.rules,
    counters: v.optional(RULE_SET_PARTS.counters),
    cases: v.optional(RULE_SET_PARTS.cases),
    policies: v.optional(RULE_SET_PARTS.policies),
  }),
  /** Decisions at most, the latest ones. */
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2_000)), 1_000),
})

export const PoliciesChange = v.strictObject({
  baseVersion: v.optional(version),
  policies: RULE_SET_PARTS.policies,
})

export const VersionList = v.strictObject({
  limit: pageLimit,
  cursor: v.optional(
    v.pipe(v.string(), v.regex(/^[1-9]\d{0,8}$/, 'is not one of ours'), v.transform(Number)),
  ),
})

export const DeniedList = v.strictObject({
  limit: pageLimit,
  cursor: v.optional(v.pipe(v.string(), v.uuid('is not one of ours'))),
})

export const NewDenial = v.strictObject({
  kind: v.picklist(['user', 'ip', 'prefix', 'device']),
  value: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  ttlS: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(366 * 86_400)),
  /** For the admins; the client only hears that it is denied. */
  reason: v.optional(v.pipe(v.string(), v.maxLength(200)), ''),
})
