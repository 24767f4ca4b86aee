import { Fault } from '#shared/errors.ts'
import { validate } from '#shared/http/validate.ts'
import { type CompiledSet, compileSet } from './compile-set.ts'
import { failingCases } from './golden-cases.ts'
import { type Problem, RuleSet } from './rule-set.ts'

const MAX_PROBLEMS = 20
/** Of a set as JSON, in bytes. */
export const MAX_SET_BYTES = 64 * 1024
/** Names that mean something else to JavaScript: never a field, a policy or a counter. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

const NOT_A_NAME = 'is not a name that may be used'

export type CheckedSet = { readonly set: CompiledSet } | { readonly problems: readonly Problem[] }

export interface CheckOptions {
  /** Names of policies that stand without being in the set; not checked where absent. */
  readonly builtInPolicies?: readonly string[]
}

/** A set that is well-formed, compiles, and decides its golden cases as expected; or what is wrong with it. */
export async function checkSet(input: unknown, options: CheckOptions = {}): Promise<CheckedSet> {
  const unfit = unfitInput(input)
  if (unfit !== undefined) return { problems: [unfit] }
  const shaped = shapedSet(input)
  if ('problems' in shaped) return shaped
  const inconsistent = inconsistencies(shaped.content, options)
  if (inconsistent.length > 0) return { problems: inconsistent.slice(0, MAX_PROBLEMS) }
  const compiled = await compileSet(shaped.content)
  if ('problems' in compiled) return compiled
  const failing = await failingCases(compiled.set)
  return failing.length > 0 ? { problems: failing.slice(0, MAX_PROBLEMS) } : compiled
}

function unfitInput(input: unknown): Problem | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(input) ?? '')
  if (bytes > MAX_SET_BYTES) return { path: '', message: `a set has at most ${MAX_SET_BYTES} bytes` }
  // A schema would leave them out without a word.
  const reserved = reservedName(input, [])
  return reserved === undefined ? undefined : { path: reserved, message: NOT_A_NAME }
}

function shapedSet(
  input: unknown,
): { readonly content: RuleSet } | { readonly problems: readonly Problem[] } {
  try {
    return { content: validate(RuleSet, input) }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return {
      problems: error.details.map(({ path, message }) => ({ path: String(path), message: String(message) })),
    }
  }
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
      RESERVED.has(name) ? [{ path: `counters.${index}.name`, message: NOT_A_NAME }] : [],
    ),
    ...rules.flatMap((rule, index) => {
      const path = `rules.${index}.policy`
      if (rule.action === 'throttle' && rule.policy === undefined)
        return [{ path, message: 'is required with the action throttle' }]
      if (rule.action !== 'throttle' && rule.policy !== undefined)
        return [{ path, message: 'is allowed with the action throttle only' }]
      if (rule.policy === undefined || builtInPolicies === undefined || known.has(rule.policy)) return []
      return [{ path, message: 'is not the name of a policy' }]
    }),
    ...rules.flatMap(({ action, would }, index) =>
      would === undefined || action === 'shadow'
        ? []
        : [{ path: `rules.${index}.would`, message: 'is allowed with the action shadow only' }],
    ),
  ]
}

/** Positions of names that stood before. */
function repeated(names: readonly string[]): readonly number[] {
  return names.flatMap((name, index) => (names.indexOf(name) < index ? [index] : []))
}
