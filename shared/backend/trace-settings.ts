import type { Read } from '#shared/config/read-env.ts'
import type { Clock } from '#shared/clock.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { otlpExport } from '#shared/telemetry/otlp-export.ts'
import { createRequestTracer, type RequestTracer } from '#shared/telemetry/request-tracer.ts'

/**
 * Where traces go, by OpenTelemetry's own names. Without an endpoint nobody traces.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function traceSettings(read: Read) {
  return {
    traces: read.optional('OTEL_EXPORTER_OTLP_ENDPOINT', () => ({
      endpoint: read.url('OTEL_EXPORTER_OTLP_ENDPOINT', { schemes: ['https', 'http'] }),
      headers:
        read.optional('OTEL_EXPORTER_OTLP_HEADERS', () =>
          read.parsed('OTEL_EXPORTER_OTLP_HEADERS', headersOf),
        ) ?? {},
      ratio:
        read.optional('OTEL_TRACES_SAMPLER_ARG', () => read.parsed('OTEL_TRACES_SAMPLER_ARG', ratioOf)) ?? 1,
    })),
  }
}

export type TraceSettings = ReturnType<typeof traceSettings>['traces']

/** The tracer of a function; none where traces go nowhere. */
export function openTracer(
  name: string,
  traces: TraceSettings,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
): RequestTracer | undefined {
  if (traces === undefined) return undefined
  const { ratio, ...collector } = traces
  const send = otlpExport({ ...collector, service: `xiaohan-${name}`, logger, clock })
  return createRequestTracer({ clock, send, ratio })
}

function headersOf(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => /^\s*([!#$%&'*+.^`|~\w-]+)\s*=\s*(.*?)\s*$/.exec(pair))
  return Object.fromEntries(
    pairs.map((match) => {
      if (match === null) throw new TypeError('must be headers as name=value, separated by commas')
      const [, name = '', value = ''] = match
      return [name.toLowerCase(), decodeURIComponent(value)]
    }),
  )
}

function ratioOf(text: string): number {
  const ratio = Number(text)
  if (text === '' || !(ratio >= 0 && ratio <= 1)) throw new TypeError('must be a share from 0 to 1')
  return ratio
}
