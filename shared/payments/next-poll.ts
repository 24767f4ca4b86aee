const MINUTE_MS = 60_000
const LONGEST_WAIT_MS = 64 * MINUTE_MS

/** When to ask again after asking so many times: after one minute first, an hour in the end. */
export function nextPollAt(nowMs: number, polls: number): Date {
  return new Date(nowMs + Math.min(MINUTE_MS * 2 ** polls, LONGEST_WAIT_MS))
}
