import type { CompiledSet } from './compile-set.ts'
import { givenFacts } from './given-facts.ts'
import { judgeRules } from './judge-rules.ts'
import type { Problem } from './rule-set.ts'

/** Rules that expire are tried as long as they are live: whether a set is sound must not change by itself. */
const BEFORE_ANY_EXPIRY_MS = Number.NEGATIVE_INFINITY

/** Runs a set's golden cases; one problem for each decision that is not the one expected. */
export async function failingCases(set: CompiledSet): Promise<readonly Problem[]> {
  const counters = set.content.counters.map(({ name }) => name)
  const problems: Problem[] = []
  for (const [index, { name, route, facts, expect }] of set.content.cases.entries()) {
    const known = givenFacts(facts, { call: route, counters, isRecorded: false })
    const { decision, failed } = await judgeRules(set.planFor(route).rules, known, BEFORE_ANY_EXPIRY_MS)
    if (decision.action === expect.action && (expect.rule ?? decision.rule) === decision.rule) continue
    const told = failed.map(({ rule }) => `, and ${rule.id} fails`).join('')
    const expected = expect.rule === undefined ? expect.action : `${expect.action} by ${expect.rule}`
    const message = `${name}: expected ${expected}, got ${decision.action} by ${decision.rule ?? 'no rule'}${told}`
    problems.push({ path: `cases.${index}`, message })
  }
  return problems
}
