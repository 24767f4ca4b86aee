import type { Clock } from '#shared/clock.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { Logger } from '#shared/telemetry/logger.ts'

const EVERY_MS = 1_000

interface Outage {
  readonly sinceMs: number
  lastAtMs: number
  loggedAtMs: number
  /** Decisions made without the store. */
  count: number
  readonly policies: Set<string>
}

/**
 * Tells of decisions made without the store: the first at once, then at most one line a second, and one when it is over.
 * `count` and `policies` are those of the whole outage, which began at `since`.
 */
export function createDegradedLog({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
  let outage: Outage | undefined

  /** Call after each decision made without the store; `error` is what kept it away. */
  function note(names: readonly string[], error: unknown): void {
    const nowMs = clock()
    outage ??= begun(nowMs)
    outage.lastAtMs = nowMs
    outage.count += 1
    for (const name of names) outage.policies.add(name)
    if (isSoonAfter(outage.loggedAtMs, nowMs)) return
    logger.warn('rate_limit.degraded', {
      count: outage.count,
      policies: sorted(outage),
      since: text(outage.sinceMs),
      causes: causesOf(error),
    })
    outage.loggedAtMs = nowMs
  }

  /** Call after each answer of the store. One between failures ends nothing: a second without any does. */
  function answered(): void {
    if (outage === undefined || isSoonAfter(outage.lastAtMs, clock())) return
    const { sinceMs, lastAtMs, count } = outage
    logger.info('rate_limit.recovered', {
      count,
      policies: sorted(outage),
      since: text(sinceMs),
      lastAt: text(lastAtMs),
      lastedMs: lastAtMs - sinceMs,
    })
    outage = undefined
  }

  return { note, answered }
}

function begun(sinceMs: number): Outage {
  const loggedAtMs = Number.NEGATIVE_INFINITY
  return { sinceMs, lastAtMs: sinceMs, loggedAtMs, count: 0, policies: new Set() }
}

/** Also false for a clock that was set back far, which must keep nothing quiet. */
function isSoonAfter(atMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) < EVERY_MS
}

function sorted({ policies }: Outage): readonly string[] {
  return [...policies].toSorted()
}

function text(atMs: number): string {
  return new Date(atMs).toISOString()
}
