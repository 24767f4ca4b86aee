import type { Read } from '#shared/config/read-env.ts'
import type { Clock } from '#shared/clock.ts'
import { type Secret, secret } from '#shared/secret.ts'
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
      ...sampling(read),
    })),
  }
}

/** Which share is traced where it is not told, and whether a caller's word counts more. */
const SAMPLERS = {
  traceidratio: { trustsCallers: false },
  always_on: { trustsCallers: false, ratio: 1 },
  always_off: { trustsCallers: false, ratio: 0 },
  parentbased_traceidratio: { trustsCallers: true },
  parentbased_always_on: { trustsCallers: true, ratio: 1 },
  parentbased_always_off: { trustsCallers: true, ratio: 0 },
} as const satisfies Record<string, { readonly trustsCallers: boolean; readonly ratio?: number }>
const SAMPLER_NAMES = Object.keys(SAMPLERS) as readonly (keyof typeof SAMPLERS)[] // keys of the literal above

function sampling(read: Read): { readonly ratio: number; readonly trustsCallers: boolean } {
  const told = read.optional('OTEL_TRACES_SAMPLER_ARG', () => read.parsed('OTEL_TRACES_SAMPLER_ARG', ratioOf))
  const sampler = read.oneOf('OTEL_TRACES_SAMPLER', SAMPLER_NAMES, 'traceidratio')
  return { ratio: told ?? 1, ...SAMPLERS[sampler] }
}

export type TraceSettings = ReturnType<typeof traceSettings>['traces']

/** The tracer of a function; none where traces go nowhere. */
export function openTracer(
  name: string,
  traces: TraceSettings,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
): RequestTracer | undefined {
  if (traces === undefined) return undefined
  const { ratio, trustsCallers, ...collector } = traces
  const send = otlpExport({ ...collector, service: `xiaohan-${name}`, logger, clock })
  return createRequestTracer({ clock, send, ratio, trustsCallers })
}

function headersOf(text: string): Readonly<Record<string, Secret>> {
  const pairs = text.split(',').map((pair) => /^\s*([!#$%&'*+.^`|~\w-]+)\s*=\s*(.*?)\s*$/.exec(pair))
  return Object.fromEntries(
    pairs.map((match) => {
      const [, name = '', value = ''] = match ?? []
      const decoded = decodeURIComponent(value)
      // What no header may hold, the runtime would quote in its error, secret or not.
      if (match === null || !/^[\t\x20-\x7e]*$/.test(decoded))
        throw new TypeError('must be headers as name=value, separated by commas')
      return [name.toLowerCase(), secret(decoded)]
    }),
  )
}

function ratioOf(text: string): number {
  const ratio = Number(text)
  if (text === '' || !(ratio >= 0 && ratio <= 1)) throw new TypeError('must be a share from 0 to 1')
  return ratio
}
