import type { Clock } from '#shared/clock.ts'
import { Refusal } from './refusal.ts'

/** Counts by calendar minute, as WeChat's quotas do. */
export interface Quotas {
  /** @throws Refusal 45011 when `limit` calls were counted for `key` in this minute */
  take(key: string, limit: number): void
  clear(): void
}

const MINUTE_MS = 60_000

export function createQuotas(clock: Clock): Quotas {
  const counts = new Map<string, number>()
  let minute = 0

  function take(key: string, limit: number): void {
    const now = Math.floor(clock() / MINUTE_MS)
    if (now !== minute) counts.clear()
    minute = now
    const count = counts.get(key) ?? 0
    if (count >= limit) throw new Refusal(45011)
    counts.set(key, count + 1)
  }

  return { take, clear: () => counts.clear() }
}
