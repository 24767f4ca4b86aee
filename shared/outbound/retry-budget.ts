import type { Clock } from '#shared/clock.ts'

/** How often calls of one host may be tried again: when everything fails, trying again is what keeps it down. */
export interface RetryBudget {
  /** A call is made for the first time. */
  deposit(): void
  /** Whether one may be made again. */
  withdraw(): boolean
}

/** Of the calls; and so many a second where there are few. */
const SHARE = 0.1
const PER_SECOND = 1
const MOST = 10

/** Judged by the clock alone, since instances freeze. */
export function createRetryBudget(clock: Clock): RetryBudget {
  let balance = MOST
  let countedAtMs = clock()

  function count(): void {
    const nowMs = clock()
    const elapsedS = Math.max(0, nowMs - countedAtMs) / 1_000
    countedAtMs = nowMs
    balance = Math.min(MOST, balance + elapsedS * PER_SECOND)
  }

  return {
    deposit() {
      balance = Math.min(MOST, balance + SHARE)
    },
    withdraw() {
      count()
      if (balance < 1) return false
      balance -= 1
      return true
    },
  }
}
