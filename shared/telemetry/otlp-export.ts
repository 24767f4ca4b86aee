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

const TIMEOUT_MS = 2_000

/** Sends spans to a collector by OTLP/HTTP in JSON. Those that it does not take are dropped, and the log says so. */
export function otlpExport({ endpoint, headers, service, logger, clock }: OtlpExportOptions) {
  const url = new URL(`${endpoint.pathname.replace(/\/$/, '')}/v1/traces`, endpoint)
  const warn = createRareLog({ logger, clock }, 'trace.not_exported')

  return async (spans: readonly EndedSpan[]): Promise<void> => {
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
      warn({ cause, spans: spans.length })
    }
  }
}
