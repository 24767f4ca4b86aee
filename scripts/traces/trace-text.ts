import type { CollectedSpan } from '#scripts/emulator/traces/read-spans.ts'

const REQUEST_ID = 'xiaohan.request_id'

/** The latest calls, one line each: when, how long, what, with which result, and the id to ask for more with. */
export function callList(spans: readonly CollectedSpan[], limit: number): readonly string[] {
  const calls = spans.filter(
    ({ attributes, parentSpanId }) => REQUEST_ID in attributes && !isInside(spans, parentSpanId),
  )
  return calls
    .toSorted((a, b) => a.startMs - b.startMs)
    .slice(-limit)
    .map((span) => `${timeOf(span)}  ${String(span.attributes[REQUEST_ID])}  ${lineOf(span)}`)
}

/** Every trace that a request took part in, as a tree: what it did itself, and what was delivered of it later. */
export function traceTree(spans: readonly CollectedSpan[], requestId: string): readonly string[] {
  const own = spans.filter(({ attributes }) => attributes[REQUEST_ID] === requestId)
  const traceIds = new Set(own.map(({ traceId }) => traceId))
  return [...traceIds].flatMap((traceId) => {
    const trace = spans.filter((span) => span.traceId === traceId)
    const roots = trace.filter(({ parentSpanId }) => !isInside(trace, parentSpanId))
    return [`trace ${traceId}`, ...roots.toSorted(byStart).flatMap((root) => branch(trace, root, '  '))]
  })
}

function branch(trace: readonly CollectedSpan[], span: CollectedSpan, indent: string): readonly string[] {
  const children = trace.filter(({ parentSpanId }) => parentSpanId === span.spanId).toSorted(byStart)
  return [`${indent}${lineOf(span)}`, ...children.flatMap((child) => branch(trace, child, `${indent}  `))]
}

function lineOf({ name, service, durationMs, attributes, failure }: CollectedSpan): string {
  const status = attributes['http.response.status_code']
  const facts = [
    ...(status === undefined ? [] : [String(status)]),
    ...(failure === undefined ? [] : [`failed: ${failure}`]),
    `${durationMs.toFixed(1)} ms`,
    `(${service})`,
  ]
  return `${name}  ${facts.join('  ')}`
}

function isInside(spans: readonly CollectedSpan[], parentSpanId: string | undefined): boolean {
  return parentSpanId !== undefined && spans.some(({ spanId }) => spanId === parentSpanId)
}

function timeOf({ startMs }: CollectedSpan): string {
  return new Date(startMs).toISOString().slice(11, 23)
}

function byStart(a: CollectedSpan, b: CollectedSpan): number {
  return a.startMs - b.startMs
}
