import { Fault } from '#shared/errors.ts'

/** How far the time of a signature may be from ours, in seconds, either way. */
export const MAX_SKEW_S = 300

/** @throws Fault `clock_skew` with our time when `ts`, in Unix seconds, is further away. */
export function requireNear(ts: string, nowMs: number): void {
  const skewS = Math.abs(Math.floor(nowMs / 1_000) - Number(ts))
  if (skewS <= MAX_SKEW_S) return
  throw new Fault('clock_skew', { details: [{ serverTime: new Date(nowMs).toISOString() }] })
}
