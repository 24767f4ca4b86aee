import type { Clock } from '#shared/clock.ts'
import { type Cell, takeFromCells } from '#shared/state/limit-cells.ts'
import { limitUnits } from '#shared/state/limit-units.ts'
import type { Consumption, Limit } from '#shared/state/store.ts'
import { boundedMap } from './bounded-map.ts'
import { limitOf, sizeOf } from './check-limit.ts'
import type { Check } from './limiter.ts'

const MAX_KEYS = 10_000

/**
 * Decides while the store is down, as each policy says: by counting in this instance its share of the limit, by
 * refusing, or by letting pass. Takes from all or from none, as the store does.
 */
export function createOutageLimits({ clock, instances }: { clock: Clock; instances: number }) {
  const cells = boundedMap<Cell>(MAX_KEYS)

  return (checks: readonly Check[]): readonly Consumption[] => {
    const refuses = checks.some(({ policy }) => policy.onStoreError === 'deny')
    const counted = checks.filter(({ policy }) => policy.onStoreError === 'local')
    const limits = counted.map((check) => share(limitOf(check), instances))
    // A look at what there is when the call is refused anyway.
    const units = limitUnitsOf(refuses ? limits.map((limit) => ({ ...limit, cost: 0 })) : limits)
    const taken = takeFromCells(units, cells, clock() * 1_000)
    return checks.map((check) => taken[counted.indexOf(check)] ?? verdict(check))
  }
}

function verdict({ policy }: Check): Consumption {
  const allowed = policy.onStoreError !== 'deny'
  return {
    allowed,
    remaining: allowed ? sizeOf(policy) : 0,
    retryAfterMs: allowed ? 0 : 1_000,
    resetMs: 0,
  }
}

function limitUnitsOf(limits: readonly Limit[]) {
  return limits.length === 0 ? [] : limitUnits(limits)
}

/** What one of several instances may grant, at least 1 unit at once. */
function share(limit: Limit, instances: number): Limit {
  if ('burst' in limit) {
    const burst = Math.max(1, Math.floor(limit.burst / instances))
    return {
      ...limit,
      burst,
      intervalMs: limit.intervalMs * instances,
      cost: Math.min(limit.cost ?? 1, burst + 1),
    }
  }
  return { ...limit, quota: Math.max(1, Math.floor(limit.quota / instances)) }
}
