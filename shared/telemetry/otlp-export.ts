import type { Clock } from '#shared/clock.ts'
import { retryAfterS } from '#shared/retry-after.ts'
import type { Secret } from '#shared/secret.ts'
import type { Logger } from './logger.ts'
import { type EndedSpan, otlpSpans } from './otlp-spans.ts'

export interface OtlpExportOptions {
  /** Of the collector; spans go to `v1/traces` below it. */
  readonly endpoint: URL
  readonly headers: Readonly<Record<string, Secret>>
  /** How the traces name this program. */
  readonly service: string
  readonly logger: Logger
  readonly clock: Clock
}

/** Where instances freeze, callers wait for it. */
const TIMEOUT_MS = 300
/** A collector that did not take spans is left alone for so long, unless it says for how long itself. */
const PAUSE_MS = 30_000
const LONGEST_PAUSE_MS = 3_600_000
/** @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-throttling */
const THROTTLING: ReadonlySet<number> = new Set([429, 503])

/** Why spans were not taken, for the log. */
interface Refusal {
  readonly status?: number
  readonly cause?: unknown
  readonly pauseMs: number
}

/**
 * Sends spans to a collector by OTLP/HTTP in JSON. One that does not take them gets none for half a minute, or as long as it
 * says. Those are dropped: the log says how many, once as a pause begins, and once when it is over.
 */
export function otlpExport({ endpoint, headers, service, logger, clock }: OtlpExportOptions) {
  const url = new URL(`${endpoint.pathname.replace(/\/$/, '')}/v1/traces`, endpoint)
  let pause = { sinceMs: 0, ms: 0 }
  let dropped = 0

  // A clock that was set back must not keep it quiet.
  const isPaused = () => Math.abs(clock() - pause.sinceMs) < pause.ms

  async function post(spans: readonly EndedSpan[]): Promise<Refusal | undefined> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...revealed(headers), 'content-type': 'application/json' },
        body: JSON.stringify(otlpSpans(service, spans)),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      await response.arrayBuffer() // so that the connection may be used again
      return response.ok ? undefined : { status: response.status, pauseMs: pauseOf(response, clock()) }
    } catch (cause) {
      return { cause, pauseMs: PAUSE_MS }
    }
  }

  return async (spans: readonly EndedSpan[]): Promise<void> => {
    if (isPaused()) return void (dropped += spans.length)
    const refusal = await post(spans)
    if (refusal !== undefined) dropped += spans.length
    // Of those that fail together the first one speaks for all.
    if (isPaused()) return
    if (refusal !== undefined) pause = { sinceMs: clock(), ms: refusal.pauseMs }
    if (dropped > 0) logger.warn('trace.not_exported', { ...refusal, spans: dropped })
    dropped = 0
  }
}

function pauseOf({ status, headers }: Response, nowMs: number): number {
  const seconds = THROTTLING.has(status) ? retryAfterS(headers, nowMs) : undefined
  return seconds === undefined ? PAUSE_MS : Math.min(seconds * 1_000, LONGEST_PAUSE_MS)
}

function revealed(headers: Readonly<Record<string, Secret>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]))
}
