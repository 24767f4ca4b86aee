import type { Attributes } from './tracer.ts'

/** A span that has ended. */
export interface EndedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: SpanKind
  readonly startMs: number
  readonly durationMs: number
  readonly attributes: Attributes
  /** The name of what went wrong, never its message. */
  readonly failure: string | undefined
}

/** `server`: work for a caller. `client`: a call of another program. */
export type SpanKind = 'internal' | 'server' | 'client'

const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 }
const ERROR = 2

/** Spans in the JSON of OTLP/HTTP. @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
export function otlpSpans(service: string, spans: readonly EndedSpan[]): unknown {
  const resource = { attributes: keyValues({ 'service.name': service }) }
  const scope = { name: 'xiaohan' }
  return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: spans.map(otlpSpan) }] }] }
}

function otlpSpan(span: EndedSpan): unknown {
  const { traceId, spanId, parentSpanId, name, kind, startMs, durationMs, attributes, failure } = span
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(startMs + durationMs),
    attributes: keyValues(attributes),
    status: failure === undefined ? {} : { code: ERROR, message: failure },
  }
}

/** Epoch milliseconds with their fraction; as text, since they exceed what a double holds. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms)
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1_000_000)))
}

function keyValues(attributes: Attributes): unknown {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: string | number | boolean): unknown {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
