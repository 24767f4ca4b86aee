import * as v from 'valibot'
import { type CompiledSet, compileSet } from './compile-set.ts'
import { failingCases } from './golden-cases.ts'
import { type Problem, RuleSet } from './rule-set.ts'

const MAX_PROBLEMS = 20
/** Of a set as JSON, in bytes. */
export const MAX_SET_BYTES = 64 * 1024
/** Names that mean something else to JavaScript: never a field, a policy or a counter. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export type CheckedSet = { readonly set: CompiledSet } | { readonly problems: readonly Problem[] }

export interface CheckOptions {
  /** Names of policies that stand without being in the set; not checked where absent. */
  readonly builtInPolicies?: readonly string[]
}

/** A set that is well-formed, compiles, and decides its golden cases as expected; or what is wrong with it. */
export async function checkSet(input: unknown, options: CheckOptions = {}): Promise<CheckedSet> {
  const problems = shapeProblems(input)
  if (problems.length > 0) return { problems: problems.slice(0, MAX_PROBLEMS) }
  const content = v.parse(RuleSet, input)
  const inconsistent = inconsistencies(content, options)
  if (inconsistent.length > 0) return { problems: inconsistent.slice(0, MAX_PROBLEMS) }
  const compiled = await compileSet(content)
  if ('problems' in compiled) return compiled
  const failing = await failingCases(compiled.set)
  return failing.length > 0 ? { problems: failing.slice(0, MAX_PROBLEMS) } : compiled
}

function shapeProblems(input: unknown): readonly Problem[] {
  const text = JSON.stringify(input) ?? ''
  if (Buffer.byteLength(text) > MAX_SET_BYTES)
    return [{ path: '', message: `a set has at most ${MAX_SET_BYTES} bytes` }]
  const reserved = reservedName(input, [])
  if (reserved !== undefined) return [{ path: reserved, message: 'is not a name that may be used' }]
  const result = v.safeParse(RuleSet, input)
  if (result.success) return []
  return result.issues.map((issue) => ({
    path: v.getDotPath(issue) ?? '',
    message: issue.message.startsWith('Invalid ')
      ? `expected ${issue.expected ?? 'another value'}`
      : issue.message,
  }))
}

function reservedName(value: unknown, path: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, inner] of Object.entries(value)) {
    const here = [...path, name]
    const found = RESERVED.has(name) ? here.join('.') : reservedName(inner, here)
    if (found !== undefined) return found
  }
  return undefined
}

/** What the parts say about each other. */
function inconsistencies(
  { rules, counters, policies }: RuleSet,
  { builtInPolicies }: CheckOptions,
): readonly Problem[] {
  const known = new Set([...(builtInPolicies ?? []), ...Object.keys(policies)])
  return [
    ...repeated(rules.map(({ id }) => id)).map((index) => ({
      path: `rules.${index}.id`,
      message: 'is used twice',
    })),
    ...repeated(counters.map(({ name }) => name)).map((index) => ({
      path: `counters.${index}.name`,
      message: 'is used twice',
    })),
    ...counters.flatMap(({ name }, index) =>
      RESERVED.has(name)
        ? [{ path: `counters.${index}.name`, message: 'is not a name that may be used' }]
        : [],
    ),
    ...rules.flatMap((rule, index) => {
      const path = `rules.${index}.policy`
      if ((rule.action === 'throttle') !== (rule.policy !== undefined))
        return [{ path, message: 'belongs to throttle, and throttle needs it' }]
      if (rule.policy === undefined || builtInPolicies === undefined || known.has(rule.policy)) return []
      return [{ path, message: 'is not the name of a policy' }]
    }),
    ...rules.flatMap(({ action, would }, index) =>
      would === undefined || action === 'shadow'
        ? []
        : [{ path: `rules.${index}.would`, message: 'belongs to shadow' }],
    ),
  ]
}

/** Positions of names that stood before. */
function repeated(names: readonly string[]): readonly number[] {
  return names.flatMap((name, index) => (names.indexOf(name) < index ? [index] : []))
}
