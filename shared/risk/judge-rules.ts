import type { CompiledRule } from './compile-set.ts'
import type { Decision } from './decision.ts'
import type { Need } from './facts.ts'

/** The facts of one look, as conditions read them. */
export interface KnownFacts {
  /** In the engine's own types: whole numbers are bigints. */
  readonly values: Readonly<Record<string, unknown>>
  /** Makes a fact known, if it can be; false where a rule that needs it must be left out. */
  learn(need: Need): boolean | Promise<boolean>
}

export interface Judgement {
  readonly decision: Decision
  /** The rule that decided. */
  readonly rule?: CompiledRule
  /** Shadow rules above it that hold. */
  readonly shadows: readonly CompiledRule[]
  /** Rules whose condition failed. */
  readonly failed: readonly { readonly rule: CompiledRule; readonly error: unknown }[]
}

/** Tries rules from the highest on; the first that holds and is no shadow decides. No rule: `allow`. */
export async function judgeRules(
  rules: readonly CompiledRule[],
  facts: KnownFacts,
  nowMs: number,
): Promise<Judgement> {
  const shadows: CompiledRule[] = []
  const failed: { rule: CompiledRule; error: unknown }[] = []
  for (const rule of rules) {
    const { needs } = rule.condition
    if (rule.expiresAtMs <= nowMs || (needs.size > 0 && !(await learnAll(needs, facts)))) continue
    try {
      if (!rule.condition.holds(facts.values)) continue
    } catch (error) {
      // A rule that cannot be judged must not turn everybody away; it is counted and logged.
      failed.push({ rule, error })
      continue
    }
    if (rule.action !== 'shadow') return { decision: decisionOf(rule), rule, shadows, failed }
    shadows.push(rule)
  }
  return { decision: { action: 'allow' }, shadows, failed }
}

async function learnAll(needs: ReadonlySet<Need>, facts: KnownFacts): Promise<boolean> {
  for (const need of needs) if (!(await facts.learn(need))) return false
  return true
}

function decisionOf({ id, action, policy, reason = id.replaceAll('-', '_') }: CompiledRule): Decision {
  if (action === 'throttle') return { action, rule: id, policy: policy ?? '', reason }
  if (action === 'deny' || action === 'challenge') return { action, rule: id, reason }
  return { action: 'allow', rule: id }
}
