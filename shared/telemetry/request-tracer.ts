import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { EndedSpan, SpanKind } from './otlp-spans.ts'
import {
  newSpanId,
  newTraceId,
  readTraceparent,
  type TraceContext,
  writeTraceparent,
} from './trace-context.ts'
import type { Attributes, Span, Tracer } from './tracer.ts'

/** A tracer that knows where a trace begins and where its spans go. */
export interface RequestTracer extends Tracer {
  /** Does the work for a caller, as part of the caller's trace where its `traceparent` names one. */
  serve<T>(arrival: TracedArrival, work: (span: Span) => Promise<T>): Promise<T>
  /** Sends what has ended; never rejects. */
  flush(): Promise<void>
}

export interface TracedArrival {
  /** Asked when the work is done: only then is its route known. */
  readonly name: () => string
  readonly traceparent: string | null
  readonly attributes: Attributes
}

export interface RequestTracerOptions {
  readonly clock: Clock
  /** Takes spans that have ended, in the order of their ends. */
  readonly send: (spans: readonly EndedSpan[]) => Promise<void>
  /** Share of the traces that are sent, 0 to 1. */
  readonly ratio?: number
  /** Whether a caller's `traceparent` decides in its place; unless told, strangers cannot have us trace more, nor less. */
  readonly trustsCallers?: boolean
  readonly random?: () => number
}

/** More are dropped, but for the ones that traces begin with, which say how many: a long trace must not fill the memory. */
const MAX_SPANS = 2_048

/** Where a span stands, and what is known of the whole trace. */
interface Place {
  readonly context: TraceContext
  readonly parentSpanId: string | undefined
  /** Whether the trace begins here, as far as we are concerned. */
  readonly isFirst: boolean
  readonly trace: { dropped: number }
}

export function createRequestTracer({
  clock,
  send,
  ratio = 1,
  trustsCallers = false,
  random = Math.random,
}: RequestTracerOptions): RequestTracer {
  const current = new AsyncLocalStorage<Place>()
  let ended: EndedSpan[] = []

  async function traced<T>(
    { name, kind, attributes }: Pick<EndedSpan, 'kind' | 'attributes'> & Pick<TracedArrival, 'name'>,
    place: Place,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const { context, parentSpanId, isFirst, trace } = place
    const { traceId, spanId } = context
    const traceparent = writeTraceparent(context)
    if (!context.isSampled) return current.run(place, () => work({ set: () => {}, traceparent }))
    const [startMs, startedAt] = [clock(), performance.now()]
    let known = attributes
    let failure: string | undefined
    const span: Span = {
      set(more) {
        known = { ...known, ...more }
        // An answer that is a failure rejects nothing.
        failure = failedStatus(kind, more) ?? failure
      },
      traceparent,
    }
    try {
      return await current.run(place, () => work(span))
    } catch (error) {
      failure = failureOf(error)
      throw error
    } finally {
      const durationMs = performance.now() - startedAt
      const done = { traceId, spanId, parentSpanId, kind, startMs, durationMs, failure }
      if (failure !== undefined) known = { 'error.type': failure, ...known }
      if (isFirst && trace.dropped > 0) known = { ...known, 'xiaohan.spans_dropped': trace.dropped }
      if (isFirst || ended.length < MAX_SPANS) ended.push({ ...done, name: name(), attributes: known })
      else trace.dropped += 1
    }
  }

  function first(caller: TraceContext | undefined): Place {
    const traceId = caller?.traceId ?? newTraceId()
    const isSampled = (trustsCallers ? caller?.isSampled : undefined) ?? random() < ratio
    const context = { traceId, spanId: newSpanId(), isSampled }
    return { context, parentSpanId: caller?.spanId, isFirst: true, trace: { dropped: 0 } }
  }

  function within({ context, trace }: Place): Place {
    const parentSpanId = context.spanId
    return { context: { ...context, spanId: newSpanId() }, parentSpanId, isFirst: false, trace }
  }

  return {
    async serve({ name, traceparent, attributes }, work) {
      return traced({ name, kind: 'server', attributes }, first(readTraceparent(traceparent)), work)
    },

    async span(name, attributes, work) {
      const parent = current.getStore()
      const place = parent === undefined ? first(undefined) : within(parent)
      const named = typeof name === 'string' ? () => name : name
      return traced({ name: named, kind: kindOf(attributes), attributes }, place, work)
    },

    async flush() {
      const spans = ended
      ended = []
      if (spans.length > 0) await send(spans)
    },
  }
}

/**
 * The status of an answer that is a failure; to whoever calls, refusals are, too.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status
 */
function failedStatus(
  kind: SpanKind,
  { 'http.response.status_code': status }: Attributes,
): string | undefined {
  return Number(status) >= (kind === 'client' ? 400 : 500) ? String(status) : undefined
}

/** By the names that the conventions give to what is called. @see https://opentelemetry.io/docs/specs/semconv/ */
function kindOf(attributes: Attributes): SpanKind {
  return 'server.address' in attributes || 'db.system.name' in attributes ? 'client' : 'internal'
}

/** A code or a name, never a message: those may quote what was sent. */
function failureOf(error: unknown): string {
  if (error instanceof Fault) return error.error
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
