import { type Condition, conditionCompiler } from './conditions.ts'
import { type Counter, isInScope, type Problem, type Rule, type RuleSet } from './rule-set.ts'

/** Steps that all conditions of a set may take together, so that a decision has a bound whatever is published. */
export const MAX_SET_STEPS = 20_000
const MAX_PROBLEMS = 20

export interface CompiledRule extends Rule {
  readonly condition: Condition
  readonly expiresAtMs: number
}

/** What counts and what is asked on a call of one route. */
export interface RoutePlan {
  /** Highest priority first. */
  readonly rules: readonly CompiledRule[]
  /** Counters that the call adds to, and those that a rule only reads. */
  readonly counters: readonly PlannedCounter[]
}

export interface PlannedCounter extends Counter {
  readonly cost: 0 | 1
}

export interface CompiledSet {
  readonly content: RuleSet
  /** For a call as `POST /login`. */
  planFor(call: string): RoutePlan
}

export type Compilation = { readonly set: CompiledSet } | { readonly problems: readonly Problem[] }

/** Compiles and type-checks a set as a whole: all its problems, at most 20, or the set. */
export async function compileSet(content: RuleSet): Promise<Compilation> {
  const compile = await conditionCompiler(content.counters.map(({ name }) => name))
  const problems: Problem[] = []
  const rules: CompiledRule[] = []
  for (const [index, rule] of content.rules.entries()) {
    const condition = compile(rule.when)
    if ('message' in condition) problems.push({ path: `rules.${index}.when`, ...condition })
    else rules.push({ ...rule, condition, expiresAtMs: expiryOf(rule) })
  }
  const steps = rules.reduce((sum, { condition }) => sum + condition.steps, 0)
  if (steps > MAX_SET_STEPS)
    problems.push({ path: 'rules', message: `may take ${steps} steps, more than ${MAX_SET_STEPS}` })
  if (problems.length > 0) return { problems: problems.slice(0, MAX_PROBLEMS) }
  return { set: { content, planFor: routePlans(content, rules) } }
}

function expiryOf({ expiresAt }: Rule): number {
  return expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt)
}

/** Plans are made when a route is first met, and kept for the routes that a scope names: others are all alike. */
function routePlans(content: RuleSet, rules: readonly CompiledRule[]): (call: string) => RoutePlan {
  // Sorting keeps equal priorities in the order they stand.
  const ordered = rules.toSorted((a, b) => b.priority - a.priority)
  const named = new Set([...content.rules, ...content.counters].map(({ scope }) => scope.route))
  const plans = new Map<string, RoutePlan>()

  return (call) => {
    const space = call.indexOf(' ')
    const key = named.has(call.slice(space + 1)) ? call : `${call.slice(0, space)} *`
    const known = plans.get(key)
    if (known !== undefined) return known
    const plan = planOf(call, ordered, content.counters)
    plans.set(key, plan)
    return plan
  }
}

function planOf(call: string, ordered: readonly CompiledRule[], counters: readonly Counter[]): RoutePlan {
  const rules = ordered.filter(({ scope }) => isInScope(scope, call))
  const read = new Set(rules.flatMap(({ condition }) => [...condition.counters]))
  const planned = counters.flatMap((counter): readonly PlannedCounter[] => {
    if (isInScope(counter.scope, call)) return [{ ...counter, cost: 1 }]
    return read.has(counter.name) ? [{ ...counter, cost: 0 }] : []
  })
  return { rules, counters: planned }
}
