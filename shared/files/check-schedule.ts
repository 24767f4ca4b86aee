const MINUTE_MS = 60_000
const LONGEST_WAIT_MS = 64 * MINUTE_MS

/** How often a check is begun: over some four and a half hours, if each fails. Then a person has to decide. */
export const MOST_CHECKS = 8

/** When to try again after the check that was begun for the `times`th time has failed. */
export function checkAgainAt(nowMs: number, times: number): Date {
  return new Date(nowMs + Math.min(MINUTE_MS * 4 ** Math.max(0, times - 1), LONGEST_WAIT_MS))
}
