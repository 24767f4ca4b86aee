import type { Clock } from '#shared/clock.ts'
import type { Logger } from './logger.ts'
import { type EndedSpan, otlpSpans } from './otlp-spans.ts'
import { createRareLog } from './rare-log.ts'

export interface OtlpExportOptions {
  /** Of the collector; spans go to `v1/traces` below it. */
  readonly endpoint: URL
  readonly headers: Readonly<Record<string, string>>
  /** How the traces name this program. */
  readonly service: string
  readonly logger: Logger
  readonly clock: Clock
}

/** Where instances freeze, callers wait for it. */
const TIMEOUT_MS = 300
/** A collector that did not answer is left alone for so long. */
const PAUSE_MS = 30_000

/** Sends spans to a collector by OTLP/HTTP in JSON. Those that it does not take are dropped, and the log says so;
 * one that does not answer gets none for half a minute. */
export function otlpExport({ endpoint, headers, service, logger, clock }: OtlpExportOptions) {
  const url = new URL(`${endpoint.pathname.replace(/\/$/, '')}/v1/traces`, endpoint)
  const warn = createRareLog({ logger, clock }, 'trace.not_exported')

  let failedAtMs = Number.NEGATIVE_INFINITY

  return async (spans: readonly EndedSpan[]): Promise<void> => {
    // A clock that was set back must not keep it quiet.
    if (Math.abs(clock() - failedAtMs) < PAUSE_MS) return
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(otlpSpans(service, spans)),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      await response.arrayBuffer() // so that the connection may be used again
      if (!response.ok) warn({ status: response.status, spans: spans.length })
    } catch (cause) {
      failedAtMs = clock()
      warn({ cause, spans: spans.length })
    }
  }
}
