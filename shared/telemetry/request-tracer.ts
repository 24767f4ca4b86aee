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
  /** Share of the traces that begin here which are sent, 0 to 1; those that begin elsewhere say so themselves. */
  readonly ratio?: number
  readonly random?: () => number
}

/** More are dropped, the latest first: a collector that is gone must not fill the memory. */
const MAX_SPANS = 2_048

export function createRequestTracer({
  clock,
  send,
  ratio = 1,
  random = Math.random,
}: RequestTracerOptions): RequestTracer {
  const current = new AsyncLocalStorage<TraceContext>()
  let ended: EndedSpan[] = []

  async function traced<T>(
    { name, kind, attributes }: Pick<EndedSpan, 'kind' | 'attributes'> & Pick<TracedArrival, 'name'>,
    { context, parentSpanId }: { readonly context: TraceContext; readonly parentSpanId: string | undefined },
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    if (!context.isSampled)
      return current.run(context, () => work({ set: () => {}, traceparent: writeTraceparent(context) }))
    const [startMs, startedAt] = [clock(), performance.now()]
    let known = attributes
    let failure: string | undefined
    const span: Span = {
      set(more) {
        known = { ...known, ...more }
        // An answer of ours that is a failure rejects nothing.
        if (Number(more['http.response.status_code']) >= 500 && kind === 'server')
          failure = String(more['http.response.status_code'])
      },
      traceparent: writeTraceparent(context),
    }
    try {
      return await current.run(context, () => work(span))
    } catch (error) {
      failure = failureOf(error)
      throw error
    } finally {
      const { traceId, spanId } = context
      const durationMs = performance.now() - startedAt
      const done = { traceId, spanId, parentSpanId, kind, startMs, durationMs, attributes: known, failure }
      if (ended.length < MAX_SPANS) ended.push({ ...done, name: name() })
    }
  }

  return {
    async serve({ name, traceparent, attributes }, work) {
      const caller = readTraceparent(traceparent)
      const traceId = caller?.traceId ?? newTraceId()
      const context = { traceId, spanId: newSpanId(), isSampled: caller?.isSampled ?? random() < ratio }
      return traced({ name, kind: 'server', attributes }, { context, parentSpanId: caller?.spanId }, work)
    },

    async span(name, attributes, work) {
      const parent = current.getStore()
      const { traceId, isSampled } = parent ?? { traceId: newTraceId(), isSampled: random() < ratio }
      const context = { traceId, spanId: newSpanId(), isSampled }
      const kind = kindOf(attributes)
      return traced({ name: () => name, kind, attributes }, { context, parentSpanId: parent?.spanId }, work)
    },

    async flush() {
      const spans = ended
      ended = []
      if (spans.length > 0) await send(spans)
    },
  }
}

/** By the names that the conventions give to what is called. @see https://opentelemetry.io/docs/specs/semconv/ */
function kindOf(attributes: Attributes): SpanKind {
  return 'server.address' in attributes || 'db.system.name' in attributes ? 'client' : 'internal'
}

/** A name, never a message: those may quote what was sent. */
function failureOf(error: unknown): string {
  if (error instanceof Fault) return error.error
  return error instanceof Error ? error.name : 'unknown'
}
