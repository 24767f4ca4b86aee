import type { LookupFunction } from 'node:net'
import { deadline } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { CallError, OUT_OF_TIME } from './call-error.ts'
import { sendRequest } from './send-request.ts'

export interface OutboundCall {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  /** Sent as it is. */
  readonly body?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Headers that each attempt has of its own, such as a signature that is good for one. */
  readonly sign?: () => Readonly<Record<string, string>>
  /** For each attempt. */
  readonly timeoutMs: number
  /** Longest answer in bytes. */
  readonly maxBytes?: number
  /** `once` for what must not reach the other side twice, such as a one-time code. */
  readonly delivery?: 'once' | 'repeatable'
  /** How often it may be tried again where that is safe; three times unless given. */
  readonly retries?: number
  /** For addresses that are a secret in themselves, as those of many webhooks: logs, traces and errors name the host only. */
  readonly isPathSecret?: boolean
  /** Of the request that it is made for; for the log. */
  readonly requestId?: string | undefined
}

/** One attempt of a call. */
export interface Attempt extends OutboundCall {
  /** How to find the addresses of the host; the system's way unless given. */
  readonly lookup?: LookupFunction | undefined
  /** Names the trace that it belongs to. */
  readonly traceparent?: string | undefined
}

/** What the other side said, whatever its status. */
export interface OutboundAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

const DEFAULT_MAX_BYTES = 64 * 1024

/** Codes that mean no connection was made. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/**
 * Makes one HTTP call. Never follows a redirect and never tries again: whether that is safe is for the caller to know
 * (`neverSent` tells).
 *
 * @throws Fault upstream_timeout when `timeoutMs` or the caller's deadline passes first
 * @throws Fault upstream_failed for a connection that failed, or an answer that is too long
 */
export async function fetchAnswer(call: Attempt, signal: AbortSignal): Promise<OutboundAnswer> {
  signal.throwIfAborted()
  const { signal: limit, end } = deadline(call.timeoutMs, signal)
  const target = targetOf(call)
  try {
    const incoming = await sendRequest(call, limit)
    const body: AsyncIterable<Uint8Array> = incoming
    const bytes = await readBody(body, call.maxBytes ?? DEFAULT_MAX_BYTES, target)
    // A client's answer always has one.
    return { status: incoming.statusCode ?? 0, headers: headersOf(incoming.headers), body: bytes }
  } catch (error) {
    throw translate(error, target, limit, signal)
  } finally {
    end()
  }
}

/** What a call is named by. */
export type Named = Pick<OutboundCall, 'method' | 'url' | 'isPathSecret'>

/** How a call is named in errors: without its query, which may hold secrets. */
export function targetOf(call: Named): string {
  return `${call.method} ${call.url.host}${pathOf(call) ?? ''}`
}

/** The path where it may be told. */
export function pathOf({ url, isPathSecret = false }: Named): string | undefined {
  return isPathSecret ? undefined : url.pathname
}

/** Leaving the loop early closes the connection. */
async function readBody(body: AsyncIterable<Uint8Array>, maxBytes: number, target: string): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of body) {
    bytes += part.byteLength
    if (bytes > maxBytes) throw new CallError(target, `answer over ${maxBytes} bytes`, 'maybe')
    parts.push(part)
  }
  return Buffer.concat(parts, bytes)
}

function headersOf(given: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const found = new Headers()
  for (const [name, value] of Object.entries(given)) if (typeof value === 'string') found.set(name, value)
  return found
}

function translate(error: unknown, target: string, limit: AbortSignal, signal: AbortSignal): unknown {
  if (limit.aborted) {
    const reason: unknown = limit.reason
    const late = reason instanceof DOMException && reason.name === 'TimeoutError'
    return late
      ? new Fault('upstream_timeout', {
          cause: new CallError(target, reason === signal.reason ? OUT_OF_TIME : 'timeout', 'maybe'),
        })
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
