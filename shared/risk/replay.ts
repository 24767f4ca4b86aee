import * as v from 'valibot'
import type { Database } from '#shared/db/database.ts'
import { listDecisions, type RiskDecisionRow } from '#shared/db/tables/risk-decisions.ts'
import type { CompiledSet } from './compile-set.ts'
import { GivenFacts } from './facts.ts'
import { givenFacts } from './given-facts.ts'
import { judgeRules } from './judge-rules.ts'
import { DENY_LIST_RULE } from './rule-set.ts'

const MAX_SHOWN = 50

export interface Outcome {
  readonly action: string
  readonly rule: string | null
}

/** What a draft would have decided otherwise. */
export interface Difference {
  readonly replayed: number
  /** Decisions with the same action. */
  readonly same: number
  /** Of the others the latest, at most 50. */
  readonly different: readonly DifferentDecision[]
  /** How many, by the action then and the draft's: `{deny: {allow: 2}}`. */
  readonly byAction: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface DifferentDecision {
  readonly at: Date
  readonly route: string
  readonly userId: string | null
  readonly before: Outcome
  /** By the draft. */
  readonly after: Outcome
}

/**
 * Runs recorded decisions against a set. What was not recorded, as a status nobody asked for, is not known: rules that
 * need it are left out; and counters that did not exist are 0. Decisions of the deny list are not the rules'.
 */
export async function replayDecisions(
  database: Database,
  { set, limit }: { readonly set: CompiledSet; readonly limit: number },
  signal: AbortSignal,
): Promise<Difference> {
  const rows = await listDecisions(await database.sql(), { limit, exceptRule: DENY_LIST_RULE }, signal)
  const byAction: Record<string, Record<string, number>> = {}
  const different: DifferentDecision[] = []
  let same = 0
  for (const row of rows) {
    signal.throwIfAborted()
    const draft = await decideAgain(set, row)
    const counts = (byAction[row.action] ??= {})
    counts[draft.action] = (counts[draft.action] ?? 0) + 1
    if (draft.action === row.action) same += 1
    else if (different.length < MAX_SHOWN) different.push(differenceOf(row, draft))
  }
  return { replayed: rows.length, same, different, byAction }
}

async function decideAgain(set: CompiledSet, row: RiskDecisionRow): Promise<Outcome> {
  const facts = v.parse(GivenFacts, JSON.parse(row.facts))
  const counters = set.content.counters.map(({ name }) => name)
  const known = givenFacts(facts, { call: row.route, counters, isRecorded: true })
  const { decision } = await judgeRules(set.planFor(row.route).rules, known, row.at.getTime())
  return { action: decision.action, rule: decision.rule ?? null }
}

function differenceOf(row: RiskDecisionRow, after: Outcome): DifferentDecision {
  const { at, route, user_id: userId, action, rule } = row
  return { at, route, userId, before: { action, rule }, after }
}
