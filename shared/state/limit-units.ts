import type { Limit } from './store.ts'

/** A limit in whole microseconds and units, so that every sum in the store is exact. */
export interface LimitUnits {
  readonly intervalUs: number
  readonly burst: number
  readonly cost: number
}

/** Keeps now + interval × burst, in microseconds, among the integers that a double holds exactly. */
const MAX_SPAN_US = 2 ** 52

/**
 * What the stores' scripts reckon with. A cost above the burst is never granted.
 *
 * @throws RangeError for limits that no bucket can have, for a key given twice, and for no limits at all.
 */
export function limitUnits(limits: readonly Limit[]): readonly LimitUnits[] {
  if (limits.length === 0) throw new RangeError('Cannot consume: no limits given')
  if (new Set(limits.map(({ key }) => key)).size < limits.length) {
    throw new RangeError('Cannot consume: two limits have the same key')
  }
  return limits.map(({ burst, intervalMs, cost = 1 }) => {
    const intervalUs = Math.max(1, Math.round(intervalMs * 1_000))
    if (!Number.isInteger(burst) || burst < 1)
      throw new RangeError('Cannot consume: burst must be a whole number from 1')
    if (!Number.isInteger(cost) || cost < 0)
      throw new RangeError('Cannot consume: cost must be a whole number from 0')
    if (!(intervalMs > 0) || intervalUs * Math.max(burst, cost) > MAX_SPAN_US) {
      throw new RangeError('Cannot consume: intervalMs must be above 0, and the bucket full within 142 years')
    }
    return { intervalUs, burst, cost }
  })
}

/** Whole milliseconds, at least 1. @throws RangeError unless it is above 0. */
export function checkedTtlMs(ttlMs: number): number {
  if (!(ttlMs > 0) || ttlMs > MAX_SPAN_US / 1_000) throw new RangeError('Cannot set: ttlMs must be above 0')
  return Math.ceil(ttlMs)
}
