import { deadline } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { CallError } from './call-error.ts'

export interface OutboundCall {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  /** Sent as it is. */
  readonly body?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Longest answer in bytes, after decompression. */
  readonly maxBytes?: number
  /** `once` for what must not reach the other side twice, such as a one-time code. */
  readonly delivery?: 'once' | 'repeatable'
}

/** What the other side said, whatever its status. */
export interface OutboundAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

const DEFAULT_MAX_BYTES = 64 * 1024

/** Codes that mean no connection was made: as `code` on Bun's errors, on the `cause` of Node's. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
  'FailedToOpenSocket',
])

/**
 * Makes one HTTP call. Never follows a redirect and never tries again: whether that is safe is for the caller to know
 * (`neverSent` tells).
 *
 * @throws Fault upstream_timeout when `timeoutMs` or the caller's deadline passes first
 * @throws Fault upstream_failed for a connection that failed, or an answer that is too long
 */
export async function fetchAnswer(call: OutboundCall, signal: AbortSignal): Promise<OutboundAnswer> {
  signal.throwIfAborted()
  const { signal: limit, end } = deadline(call.timeoutMs, signal)
  const target = targetOf(call)
  const ended = new AbortController()
  try {
    const response = await fetch(call.url, requestInit(call, AbortSignal.any([limit, ended.signal])))
    const body = await readBody(response, call.maxBytes ?? DEFAULT_MAX_BYTES, target)
    return { status: response.status, headers: response.headers, body }
  } catch (error) {
    // Frees the connection: Bun reads a cancelled body to its end, which an answer without end never reaches.
    ended.abort()
    throw translate(error, target, limit, signal)
  } finally {
    end()
  }
}

/** How a call is named in errors: without its query, which may hold secrets. */
export function targetOf({ method, url }: Pick<OutboundCall, 'method' | 'url'>): string {
  return `${method} ${url.host}${url.pathname}`
}

function requestInit(call: OutboundCall, signal: AbortSignal): RequestInit {
  return {
    method: call.method,
    headers: {
      // Node keeps connections unless this header says otherwise; Bun needs `keepalive` below, and both may have both.
      ...(call.delivery === 'once' ? { connection: 'close' } : {}),
      ...call.headers,
    },
    ...(call.body === undefined ? {} : { body: call.body }),
    redirect: 'manual',
    // Bun sends a GET again by itself when a kept connection breaks, and one kept by a frozen instance mostly has.
    // A connection of its own leaves nothing to send again.
    ...(call.delivery === 'once' ? { keepalive: false } : {}),
    signal,
  }
}

async function readBody(response: Response, maxBytes: number, target: string): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  // Iterated by hand: leaving a `for await` early waits for the rest of the body on some runtimes.
  const reader = response.body?.getReader()
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    bytes += part.value.byteLength
    if (bytes > maxBytes) throw new CallError(target, `answer over ${maxBytes} bytes`, 'maybe')
    parts.push(part.value)
  }
  return Buffer.concat(parts, bytes)
}

function translate(error: unknown, target: string, limit: AbortSignal, signal: AbortSignal): unknown {
  if (limit.aborted) {
    const reason: unknown = limit.reason
    const late = reason instanceof DOMException && reason.name === 'TimeoutError'
    return late
      ? new Fault('upstream_timeout', { cause: new CallError(target, 'timeout', 'maybe') })
      : signal.reason
  }
  if (error instanceof CallError) return new Fault('upstream_failed', { cause: error })
  const code = errorCode(error)
  return new Fault('upstream_failed', {
    cause: new CallError(target, code, NEVER_SENT.has(code) ? 'never' : 'maybe'),
  })
}

// Looks at shapes, not classes: the runtime's errors may come from another realm than ours.
function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  // Node tries every address of a name and reports them together.
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0)
    return errorCode(error.errors[0])
  if ('cause' in error && error.cause !== undefined) return errorCode(error.cause)
  return 'name' in error && typeof error.name === 'string' ? error.name : 'unknown'
}
