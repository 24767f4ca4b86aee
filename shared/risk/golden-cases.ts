import type { CompiledSet } from './compile-set.ts'
import { givenFacts } from './given-facts.ts'
import { judgeRules } from './judge-rules.ts'
import type { Problem } from './rule-set.ts'

/** Runs a set's golden cases; one problem for each decision that is not the one expected. */
export async function failingCases(
  { content, planFor }: CompiledSet,
  nowMs: number,
): Promise<readonly Problem[]> {
  const counters = content.counters.map(({ name }) => name)
  const problems: Problem[] = []
  for (const [index, { name, route, facts, expect }] of content.cases.entries()) {
    const known = givenFacts(facts, { call: route, counters, isRecorded: false })
    const { decision, failed } = await judgeRules(planFor(route).rules, known, nowMs)
    const told = failed.map(({ rule }) => `, and ${rule.id} fails`).join('')
    if (decision.action !== expect.action || (expect.rule !== undefined && decision.rule !== expect.rule)) {
      const message = `${name}: ${decision.action} by ${decision.rule ?? 'no rule'}${told}`
      problems.push({ path: `cases.${index}`, message })
    }
  }
  return problems
}
