import * as v from 'valibot'
import type { RouteDescriptions } from '#shared/http/describe.ts'
import { RULE_SET_PARTS } from '#shared/risk/rule-set.ts'

const checkResult = v.object({
  policy: v.string(),
  allowed: v.boolean(),
  remaining: v.number(),
  resetS: v.number(),
  retryAfterS: v.optional(v.number()),
})

const { rules, counters, cases, policies } = RULE_SET_PARTS
const published = {
  version: v.number(),
  publishedAt: v.nullable(v.string()),
  publishedBy: v.nullable(v.string()),
}
const ruleSet = v.object({ ...published, rules, counters, cases })
const counts = v.record(v.string(), v.object({ matched: v.number(), failed: v.number() }))
const policyList = v.object({ version: v.number(), policies, builtIn: policies })
const denial = v.object({
  id: v.string(),
  kind: v.picklist(['user', 'ip', 'prefix', 'device']),
  value: v.string(),
  reason: v.string(),
  expiresAt: v.string(),
  createdAt: v.string(),
  createdBy: v.nullable(v.string()),
})
const PUBLISHING = ['validation_failed', 'conflict', 'not_found'] as const

export const descriptions: RouteDescriptions = {
  'POST /rate-check': {
    summary:
      'Check and take limits for another service; all of them or none. Signed by a partner, or an admin',
    auth: 'partner',
    answers: { 200: v.object({ allowed: v.boolean(), results: v.array(checkResult) }) },
  },
  'ANY /rate-check/auth': {
    summary: 'Forward-auth for a gateway: X-Auth-Sub, X-Auth-Sid and X-Auth-Scope of a request that may pass',
    auth: 'session',
    answers: { 200: v.object({}) },
    errors: ['forbidden'],
  },
  'GET /rate-check/rules': {
    summary: 'The risk rules in force, with how often each one held today',
    auth: 'admin',
    answers: { 200: v.object({ ...ruleSet.entries, counts }) },
  },
  'PUT /rate-check/rules': {
    summary: 'Publish risk rules, or an old version of them; in force everywhere within 5 seconds',
    auth: 'admin',
    answers: { 200: ruleSet },
    errors: PUBLISHING,
  },
  'GET /rate-check/rules/versions': {
    summary: 'Every version that was published, newest first',
    auth: 'admin',
    answers: { 200: v.object({ items: v.array(v.object(published)), nextCursor: v.nullable(v.string()) }) },
  },
  'GET /rate-check/rules/versions/{version}': {
    summary: 'A version as it was published',
    auth: 'admin',
    answers: { 200: v.object({ ...ruleSet.entries, policies }) },
    errors: ['not_found'],
  },
  'POST /rate-check/rules/replay': {
    summary: 'What a draft would have decided on recorded requests; changes nothing',
    auth: 'admin',
    answers: {
      200: v.object({
        replayed: v.number(),
        same: v.number(),
        different: v.array(v.looseObject({})),
        byAction: v.record(v.string(), v.record(v.string(), v.number())),
      }),
    },
  },
  'GET /rate-check/policies': {
    summary: 'Limits by name: published ones, which go before built-in ones, and those',
    auth: 'admin',
    answers: { 200: policyList },
  },
  'PUT /rate-check/policies': {
    summary: 'Publish limits; in force everywhere within 5 seconds',
    auth: 'admin',
    answers: { 200: policyList },
    errors: PUBLISHING,
  },
  'GET /rate-check/denied': {
    summary: 'The deny list, newest entries first',
    auth: 'admin',
    answers: { 200: v.object({ items: v.array(denial), nextCursor: v.nullable(v.string()) }) },
  },
  'POST /rate-check/denied': {
    summary: 'Turn a user, an address, a network or a device away for a time',
    auth: 'admin',
    answers: { 201: denial },
    errors: ['conflict'],
  },
  'DELETE /rate-check/denied/{id}': {
    summary: 'Let somebody in again',
    auth: 'admin',
    answers: { 204: v.object({}) },
    errors: ['not_found'],
  },
}
