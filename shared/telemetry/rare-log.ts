import type { Clock } from '#shared/clock.ts'
import type { LogFields, Logger } from './logger.ts'

const QUIET_MS = 1_000

/**
 * Warns of an event at once, and then at most once a second: `count` is how often it came since the line before, `since`
 * when the first of these did, so that one which is told late is not taken for news.
 */
export function createRareLog(
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  event: string,
): (fields: LogFields) => void {
  let loggedAtMs = Number.NEGATIVE_INFINITY
  let sinceMs = 0
  let count = 0
  return (fields) => {
    const nowMs = clock()
    if (count === 0) sinceMs = nowMs
    count += 1
    // A clock that was set back must not keep it quiet.
    if (Math.abs(nowMs - loggedAtMs) < QUIET_MS) return
    logger.warn(event, { ...fields, count, since: new Date(sinceMs).toISOString() })
    loggedAtMs = nowMs
    count = 0
  }
}
