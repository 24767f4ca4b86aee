import { randomBytes } from 'node:crypto'

/** Where a span stands: which trace it is part of, and who it is within. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** 16 of them. */
  readonly spanId: string
  readonly isSampled: boolean
}

/** Later versions may say more behind the flags, never anything else before them. */
const HEADER = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/
const VERSION_0 = /^00-.{52}$/
const SAMPLED = 1

/**
 * What a `traceparent` header says; undefined for none, or one that is not well-formed.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function readTraceparent(text: string | null): TraceContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = HEADER.exec(text ?? '') ?? []
  if (traceId === '' || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  if (text?.startsWith('00-') === true && !VERSION_0.test(text)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 }
}

export function writeTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`
}

export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}

export function newSpanId(): string {
  return randomBytes(8).toString('hex')
}
