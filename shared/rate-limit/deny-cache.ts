import type { Clock } from '#shared/clock.ts'
import type { Consumption, Limit } from '#shared/state/store.ts'
import { boundedMap } from './bounded-map.ts'

/** What this instance knows to be refused. */
export interface DenyCache {
  /** An answer for every limit when one of them is still refused, else undefined: ask the store. */
  answer(limits: readonly Limit[]): readonly Consumption[] | undefined
  /** Remembers what a store refused; `askedAtMs` is the time before it was asked. */
  note(limits: readonly Limit[], consumptions: readonly Consumption[], askedAtMs: number): void
}

interface Denial {
  readonly cost: number
  readonly atMs: number
  readonly untilMs: number
  /** All limits of the refused call as they were then, by key: a refusal from memory tells as much as the first did. */
  readonly seen: ReadonlyMap<string, Consumption>
}

const MAX_KEYS = 10_000

/**
 * Remembers refused limits until they may be tried again. That is exact: time alone makes a limit free again, anybody
 * else's calls only later, and what refuses one cost refuses every higher one. Counted from before the store was asked, a
 * denial ends here no later than there.
 */
export function createDenyCache({
  clock,
  maxKeys = MAX_KEYS,
}: {
  clock: Clock
  maxKeys?: number
}): DenyCache {
  const denials = boundedMap<Denial>(maxKeys)

  function denialOf(limit: Limit, nowMs: number): Denial | undefined {
    const id = identity(limit)
    const denial = denials.get(id)
    if (denial === undefined) return undefined
    // A clock that was set back must not prolong it.
    if (nowMs >= denial.untilMs || nowMs < denial.atMs) {
      denials.delete(id)
      return undefined
    }
    return costOf(limit) >= denial.cost ? denial : undefined
  }

  return {
    answer(limits) {
      if (denials.size === 0) return undefined
      const nowMs = clock()
      const found = limits.map((limit) => denialOf(limit, nowMs))
      const last = found.find((denial) => denial !== undefined)
      if (last === undefined) return undefined
      return limits.map((limit, at) => {
        const denial = found[at]
        const { seen, atMs } = denial ?? last
        return aged(seen.get(limit.key) ?? untouched(limit), nowMs - atMs, denial === undefined)
      })
    },

    note(limits, consumptions, askedAtMs) {
      if (consumptions.every(({ allowed }) => allowed)) return
      const seen = new Map(limits.flatMap(({ key }, at) => entry(key, consumptions[at])))
      limits.forEach((limit, at) => {
        const consumption = consumptions[at]
        if (consumption === undefined || consumption.allowed) return
        const untilMs = askedAtMs + consumption.retryAfterMs
        denials.set(identity(limit), { cost: costOf(limit), atMs: askedAtMs, untilMs, seen })
      })
    },
  }
}

/** Its numbers are part of it: a policy that was changed asks the store anew. */
function identity(limit: Limit): string {
  const { key, kind = 'token-bucket' } = limit
  const numbers = 'burst' in limit ? [limit.burst, limit.intervalMs] : [limit.quota, limit.windowMs]
  return [key, kind, ...numbers].join(' ')
}

function costOf({ cost = 1 }: Limit): number {
  return cost
}

function entry(key: string, value: Consumption | undefined): readonly (readonly [string, Consumption])[] {
  return value === undefined ? [] : [[key, value]]
}

function untouched(limit: Limit): Consumption {
  const remaining = 'burst' in limit ? limit.burst : limit.quota
  return { allowed: true, remaining, retryAfterMs: 0, resetMs: 0 }
}

function aged(consumption: Consumption, ageMs: number, allowed: boolean): Consumption {
  const { remaining, retryAfterMs, resetMs } = consumption
  return {
    allowed,
    remaining,
    retryAfterMs: allowed ? 0 : Math.max(retryAfterMs - ageMs, 1),
    resetMs: Math.max(resetMs - ageMs, 0),
  }
}
