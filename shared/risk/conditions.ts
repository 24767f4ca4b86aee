import type { Environment, ParseResult } from '@marcbachmann/cel-js'
import { once } from '#shared/once.ts'
import { checkCondition } from './check-condition.ts'
import { FACT_TYPES, type Need } from './facts.ts'
import type { Problem } from './rule-set.ts'

/** Of a condition as parsed. The walk of `checkCondition` goes deeper than the parser only by its own few frames. */
const LIMITS = { maxAstNodes: 500, maxDepth: 32, maxListElements: 100, maxMapEntries: 0, maxCallArguments: 4 }

/** A condition that may be asked. */
export interface Condition {
  readonly needs: ReadonlySet<Need>
  readonly counters: ReadonlySet<string>
  readonly steps: number
  /** @throws Error where CEL does: a division by zero, a number that is too large. */
  holds(facts: Readonly<Record<string, unknown>>): boolean
}

/** Compiles the conditions of one set. */
export type CompileCondition = (when: string) => Condition | Omit<Problem, 'path'>

const engine = once(() => import('./drivers/cel.ts'))

/** Loads the engine on first use. */
export async function conditionCompiler(counters: readonly string[]): Promise<CompileCondition> {
  const { Environment } = await engine()
  const environment = declareFacts(new Environment({ limits: LIMITS }), counters)
  return (when) => compile(environment, when)
}

function declareFacts(environment: Environment, counters: readonly string[]): Environment {
  for (const [name, type] of Object.entries(FACT_TYPES)) {
    if (typeof type === 'string') environment.registerVariable(name, type)
    else environment.registerVariable({ name, schema: { ...type } })
  }
  const schema = Object.fromEntries(counters.map((name) => [name, 'int']))
  return environment.registerVariable({ name: 'counters', schema })
}

function compile(environment: Environment, when: string): Condition | Omit<Problem, 'path'> {
  let parsed: ParseResult
  try {
    parsed = environment.parse(when)
  } catch (error) {
    return placed(when, error)
  }
  const { refusals, ...report } = checkCondition(parsed.ast)
  const [refusal] = refusals
  if (refusal !== undefined) return { message: refusal.message, ...position(when, refusal.at) }
  const { error, type } = parsed.check()
  if (error !== undefined) return placed(when, error)
  if (type !== 'bool') return { message: `is of type ${type}, not bool` }
  return { ...report, holds: (facts) => parsed(facts) === true }
}

/** The engine's own message and place, without the excerpt of the text that it adds. */
function placed(when: string, error: unknown): Omit<Problem, 'path'> {
  if (!(error instanceof Error)) throw error
  const summary = 'summary' in error && typeof error.summary === 'string' ? error.summary : 'cannot be read'
  const range = 'range' in error ? error.range : undefined
  const at = typeof range === 'object' && range !== null && 'start' in range ? range.start : undefined
  return { message: summary, ...(typeof at === 'number' ? position(when, at) : {}) }
}

function position(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
