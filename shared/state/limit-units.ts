import type { Limit, LimitKind } from './store.ts'

/** A limit in whole microseconds and units, so that every sum in the store is exact. */
export interface LimitUnits {
  readonly kind: LimitKind
  readonly key: string
  /** Time of one unit of a bucket; length of a window. */
  readonly spanUs: number
  /** Units in a full bucket or in a window. */
  readonly size: number
  readonly cost: number
}

/** Keeps now + span × size, in microseconds, among the integers that a double holds exactly. */
const MAX_FILL_US = 2 ** 52
/** Times `WINDOW_TICKS` these stay among them too. */
const MAX_WINDOW_US = 2 ** 40
const MAX_QUOTA = 2 ** 40

/**
 * Steps in which the window before fades from a sliding window. As a power of two that leaves every product exact, it
 * makes all stores answer alike to the unit.
 */
export const WINDOW_TICKS = 4_096

/**
 * What the stores' scripts reckon with. A cost above the size is never granted.
 *
 * @throws RangeError for limits that no store can keep, for a key given twice, and for no limits at all.
 */
export function limitUnits(limits: readonly Limit[]): readonly LimitUnits[] {
  if (limits.length === 0) throw new RangeError('Cannot consume: no limits given')
  if (new Set(limits.map(({ key }) => key)).size < limits.length) {
    throw new RangeError('Cannot consume: two limits have the same key')
  }
  return limits.map((limit) => {
    const { key, cost = 1 } = limit
    const measures = 'burst' in limit ? bucket(limit.burst, limit.intervalMs, cost) : window(limit, cost)
    if (!Number.isInteger(measures.size) || measures.size < 1)
      throw new RangeError('Cannot consume: burst and quota must be whole numbers from 1')
    if (!Number.isInteger(cost) || cost < 0)
      throw new RangeError('Cannot consume: cost must be a whole number from 0')
    return { kind: limit.kind ?? 'token-bucket', key, cost, ...measures }
  })
}

function bucket(burst: number, intervalMs: number, cost: number) {
  // Rounded up: a bucket may refill a little late, never early.
  const spanUs = Math.ceil(intervalMs * 1_000)
  if (!(intervalMs > 0) || spanUs * Math.max(burst, cost) > MAX_FILL_US) {
    throw new RangeError('Cannot consume: intervalMs must be above 0, and the bucket full within 142 years')
  }
  return { spanUs, size: burst }
}

function window({ quota, windowMs }: { quota: number; windowMs: number }, cost: number) {
  const spanUs = Math.ceil(windowMs * 1_000)
  if (!(windowMs > 0) || spanUs > MAX_WINDOW_US)
    throw new RangeError('Cannot consume: windowMs must be above 0 and at most 12 days')
  if (quota > MAX_QUOTA || cost > MAX_QUOTA)
    throw new RangeError('Cannot consume: quota and cost must be at most 2 ** 40')
  return { spanUs, size: quota }
}

/** Whole milliseconds, at least 1. @throws RangeError unless it is above 0. */
export function checkedTtlMs(ttlMs: number): number {
  if (!(ttlMs > 0) || ttlMs > MAX_FILL_US / 1_000) throw new RangeError('Cannot set: ttlMs must be above 0')
  return Math.ceil(ttlMs)
}
