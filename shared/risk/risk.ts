import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import type { Policies } from '#shared/limit-policy.ts'
import type { StateStore } from '#shared/state/store.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { createRareLog } from '#shared/telemetry/rare-log.ts'
import type { CompiledRule, RoutePlan } from './compile-set.ts'
import type { Decision, Occasion } from './decision.ts'
import { type Judgement, judgeRules } from './judge-rules.ts'
import { countOccasion, createLook } from './look.ts'
import { FAILED_SUFFIX } from './match-counts.ts'
import { createPublishedSource, type Published } from './published.ts'
import { createRecorder } from './recorder.ts'
import { DENY_LIST_RULE } from './rule-set.ts'

export interface Risk {
  /** What is published at this moment, for one request from end to end. Never rejects because a store is down. */
  inForce(waitUntil: Occasion['waitUntil'], signal: AbortSignal): Promise<InForce>
  /** Writes what is still buffered. */
  close(): Promise<void>
}

export interface InForce {
  /** Published over the built-in ones. */
  readonly policies: Policies
  /** What the deny list and the rules say. Never rejects because a store is down. */
  decide(occasion: Occasion, signal: AbortSignal): Promise<Decision>
}

export interface RiskOptions {
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
}

const NO_RULES: RoutePlan = { rules: [], counters: [] }

/** The published rules at work. Until the first is published a decision costs nothing but now and then a read. */
export function createRisk(options: RiskOptions): Risk {
  const { state, clock } = options
  const source = createPublishedSource(options)
  const degraded = createRareLog(options, 'risk.degraded')
  const ruleFailed = createRareLog(options, 'risk.rule_failed')
  const onError = (part: string, error: unknown) => degraded({ part, causes: causesOf(error) })
  const recorder = createRecorder({ ...options, onError })

  async function inForce(waitUntil: Occasion['waitUntil'], signal: AbortSignal): Promise<InForce> {
    const published = await source.current(waitUntil, signal)
    return { policies: published.policies, decide: (occasion, within) => decide(published, occasion, within) }
  }

  async function decide(published: Published, occasion: Occasion, signal: AbortSignal): Promise<Decision> {
    const plan = published.set?.planFor(occasion.route) ?? NO_RULES
    const names = published.set?.content.counters.map(({ name }) => name) ?? []
    const isDenied = published.isDenied({ ...occasion, userId: occasion.user?.id }, clock())
    const counters = isDenied ? [] : plan.counters
    const counts = await countOccasion(state, { occasion, counters, onError }, signal)
    const look = createLook({ occasion, counts, names, nowMs: clock(), onError }, signal)
    const decision = isDenied
      ? DENIED
      : news(await judgeRules(plan.rules, look, clock()), occasion, published)
    // Of a login that nothing decides, the second look is the one to keep: it knows more.
    if (occasion.phase !== 'before' || decision.rule !== undefined)
      recorder.decided({ occasion, decision, version: published.version, facts: () => look.recorded() })
    recorder.tend(occasion.waitUntil)
    return decision
  }

  /** Counts what held; on the second look of a login only what the first left for later. */
  function news(judgement: Judgement, { phase }: Occasion, { version }: Published): Decision {
    const isNew = ({ condition }: CompiledRule) => phase !== 'identified' || condition.needs.size > 0
    const { rule, decision } = judgement
    const held = [...judgement.shadows, ...(rule === undefined ? [] : [rule])].filter(isNew)
    const failed = judgement.failed.filter((failure) => isNew(failure.rule))
    for (const { rule: broken, error } of failed)
      ruleFailed({ version, rule: broken.id, causes: causesOf(error) })
    const matches = [...held.map(({ id }) => id), ...failed.map(({ rule: { id } }) => id + FAILED_SUFFIX)]
    recorder.matched(matches.map((id) => ({ version, rule: id })))
    return rule === undefined || isNew(rule) ? decision : { action: 'allow' }
  }

  return { inForce, close: () => recorder.close() }
}

const DENIED: Decision = { action: 'deny', rule: DENY_LIST_RULE, reason: 'denied' }
