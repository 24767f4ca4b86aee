import * as v from 'valibot'

const AnyValue = v.union([
  v.pipe(
    v.object({ stringValue: v.string() }),
    v.transform(({ stringValue }): string | number | boolean => stringValue),
  ),
  v.pipe(
    v.object({ intValue: v.union([v.string(), v.number()]) }),
    v.transform(({ intValue }) => Number(intValue)),
  ),
  v.pipe(
    v.object({ doubleValue: v.number() }),
    v.transform(({ doubleValue }) => doubleValue),
  ),
  v.pipe(
    v.object({ boolValue: v.boolean() }),
    v.transform(({ boolValue }) => boolValue),
  ),
])

const Attributes = v.pipe(
  v.array(v.object({ key: v.string(), value: AnyValue })),
  v.transform((pairs) => Object.fromEntries(pairs.map(({ key, value }) => [key, value]))),
)

const Hex = v.pipe(v.string(), v.regex(/^[0-9a-f]+$/))
const Nanoseconds = v.pipe(v.string(), v.regex(/^\d+$/))

const Span = v.object({
  traceId: v.pipe(Hex, v.length(32)),
  spanId: v.pipe(Hex, v.length(16)),
  parentSpanId: v.optional(v.pipe(Hex, v.length(16))),
  name: v.string(),
  kind: v.picklist([1, 2, 3, 4, 5]),
  startTimeUnixNano: Nanoseconds,
  endTimeUnixNano: Nanoseconds,
  attributes: v.optional(Attributes, []),
  status: v.optional(v.object({ code: v.optional(v.number(), 0), message: v.optional(v.string(), '') }), {}),
})

const Export = v.object({
  resourceSpans: v.array(
    v.object({
      resource: v.object({ attributes: Attributes }),
      scopeSpans: v.array(v.object({ spans: v.array(Span) })),
    }),
  ),
})

/** A span as a collector keeps it. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** Of the program that it is from. */
  readonly service: string
  readonly startMs: number
  readonly durationMs: number
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly failure: string | undefined
}

const ERROR = 2

/** The spans of an OTLP/HTTP request in JSON. @throws ValiError for what is none */
export function readSpans(body: unknown): readonly CollectedSpan[] {
  return v.parse(Export, body).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(resource.attributes['service.name'] ?? 'unknown')
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => collected(service, span)))
  })
}

function collected(service: string, span: v.InferOutput<typeof Span>): CollectedSpan {
  const { traceId, spanId, parentSpanId, name, attributes, status } = span
  const [start, end] = [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)]
  const failure = status.code === ERROR ? status.message || 'failed' : undefined
  const [startMs, durationMs] = [Number(start / 1_000n) / 1_000, Number(end - start) / 1_000_000]
  return { traceId, spanId, parentSpanId, name, service, startMs, durationMs, attributes, failure }
}
