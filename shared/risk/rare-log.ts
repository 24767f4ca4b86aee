import type { Clock } from '#shared/clock.ts'
import type { LogFields, Logger } from '#shared/telemetry/logger.ts'

const QUIET_MS = 1_000

/** Logs an event at once, and then at most once a second, with how often it came in between. */
export function createRareLog(
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  event: string,
): (fields: LogFields) => void {
  let loggedAtMs = Number.NEGATIVE_INFINITY
  let count = 0
  return (fields) => {
    count += 1
    if (clock() - loggedAtMs < QUIET_MS) return
    logger.warn(event, { ...fields, count })
    loggedAtMs = clock()
    count = 0
  }
}
