import type { Limit, StateStore } from '#shared/state/store.ts'

/** How often a rule held; a shadow rule counts here, too. */
export interface Match {
  readonly version: number
  readonly rule: string
}

const DAY_MS = 86_400_000
const UNLIMITED = 2 ** 40
/** A rule whose condition fails is counted beside its matches. */
export const FAILED_SUFFIX = '!'

/** Adds matches to the counts of the day. They live in the state store alone, and are lost with it. */
export async function addMatches(
  state: StateStore,
  matches: readonly Match[],
  signal: AbortSignal,
): Promise<void> {
  const sums = new Map<string, number>()
  for (const match of matches) sums.set(keyOf(match), (sums.get(keyOf(match)) ?? 0) + 1)
  const limits = [...sums].map(([key, cost]) => dayWindow(key, cost))
  if (limits.length > 0) await state.consume({ limits }, signal)
}

export interface RuleCount {
  /** Times the rule held today (UTC). */
  readonly matched: number
  /** Times its condition failed today. */
  readonly failed: number
}

/** Today's counts of a version's rules; all 0 where the store has lost them. */
export async function ruleCounts(
  state: StateStore,
  { version, ids }: { readonly version: number; readonly ids: readonly string[] },
  signal: AbortSignal,
): Promise<Readonly<Record<string, RuleCount>>> {
  if (ids.length === 0) return {}
  const names = ids.flatMap((id) => [id, id + FAILED_SUFFIX])
  const limits = names.map((rule) => dayWindow(keyOf({ version, rule }), 0))
  const { consumptions } = await state.consume({ limits }, signal)
  const count = (at: number) => UNLIMITED - (consumptions[at]?.remaining ?? UNLIMITED)
  return Object.fromEntries(ids.map((id, at) => [id, { matched: count(2 * at), failed: count(2 * at + 1) }]))
}

function dayWindow(key: string, cost: number): Limit {
  return { kind: 'fixed-window', key, quota: UNLIMITED, windowMs: DAY_MS, cost }
}

/** All counts of a version stand in one slot. */
function keyOf({ version, rule }: Match): string {
  return `{risk:${version}}:${rule}`
}
