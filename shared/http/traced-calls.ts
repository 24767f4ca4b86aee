import type { RequestTracer } from '#shared/telemetry/request-tracer.ts'
import { readTraceparent } from '#shared/telemetry/trace-context.ts'
import type { App, Invocation } from './app.ts'
import type { Match } from './router.ts'

/** What serving a request finds out about it, and what it is told. */
export interface Traced {
  match?: Match
  /** Under which the trace can be found. */
  traceId?: string | undefined
  headers: Readonly<Record<string, string>>
}

type Serve = (request: Request, invocation: Invocation, seen: Traced) => Promise<Response>

/** Serves each request inside a span, as part of the caller's trace, and sends the spans once all its work is done. */
export function tracedFetch(tracer: RequestTracer, serve: Serve): App['fetch'] {
  return (request, arrived) => {
    const { invocation, flush } = flushing(tracer, arrived)
    const { method } = request
    const seen: Traced = { headers: {} }
    const arrival = {
      name: () => (seen.match === undefined ? method : `${method} ${seen.match.route.path}`),
      traceparent: request.headers.get('traceparent'),
      attributes: {
        'http.request.method': method,
        'url.path': new URL(request.url).pathname,
        'xiaohan.request_id': invocation.requestId,
      },
    }
    const served = tracer.serve(arrival, async (span) => {
      seen.traceId = readTraceparent(span.traceparent ?? null)?.traceId
      const response = await serve(request, invocation, seen)
      span.set({
        'http.response.status_code': response.status,
        ...(seen.match === undefined ? {} : { 'http.route': seen.match.route.path }),
      })
      return response
    })
    return served.finally(flush)
  }
}

/** Takes each event inside a span of its own. */
export function tracedEvent(
  tracer: RequestTracer,
  take: NonNullable<App['event']>,
): NonNullable<App['event']> {
  return (event, arrived) => {
    const { invocation, flush } = flushing(tracer, arrived)
    const attributes = { 'cloudevents.event_type': event.type, 'xiaohan.request_id': invocation.requestId }
    const arrival = { name: () => event.type, traceparent: null, attributes }
    return tracer.serve(arrival, () => take(event, invocation)).finally(flush)
  }
}

/** Spans go out before the instance may freeze, those of background work included. */
function flushing(tracer: RequestTracer, arrived: Invocation) {
  const background: Promise<unknown>[] = []

  async function settledAndSent(): Promise<void> {
    for (let known = -1; known < background.length;) {
      known = background.length
      await Promise.allSettled(background)
    }
    await tracer.flush()
  }

  return {
    invocation: {
      ...arrived,
      waitUntil(work: Promise<unknown>) {
        background.push(work)
        arrived.waitUntil(work)
      },
    },
    flush: () => arrived.waitUntil(settledAndSent()),
  }
}
