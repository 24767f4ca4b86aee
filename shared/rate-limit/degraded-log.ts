import type { Clock } from '#shared/clock.ts'
import type { Logger } from '#shared/telemetry/logger.ts'

const EVERY_MS = 1_000

/** Counts decisions made without the store, and logs them: the first at once, then one line a second at most. */
export function createDegradedLog({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
  const policies = new Set<string>()
  let count = 0
  let loggedAtMs = Number.NEGATIVE_INFINITY

  /** Also called when the store is back, so that the last ones of an outage are told. */
  function flush(): void {
    if (count === 0 || Math.abs(clock() - loggedAtMs) < EVERY_MS) return
    logger.warn('rate_limit.degraded', { count, policies: [...policies].toSorted() })
    loggedAtMs = clock()
    count = 0
    policies.clear()
  }

  function note(names: readonly string[]): void {
    count += 1
    for (const name of names) policies.add(name)
    flush()
  }

  return { note, flush }
}
