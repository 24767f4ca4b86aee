import { deadline } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import type { Addressed, Signed } from './addressed.ts'
import { childText, readXml } from './read-xml.ts'
import type { Texts } from './scheme.ts'
import { requestSender, type SendRequest } from './send-request.ts'
import { connectionCode, refusalFault, StoreError } from './store-error.ts'

export interface StoreRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly key?: string
  readonly query?: Texts
  /** Names in lower case. */
  readonly headers?: Texts
  readonly body?: Uint8Array<ArrayBuffer> | string
  /** The call as a log names it: `read an object`. */
  readonly purpose: string
}

export interface StoreLimits {
  /** From the call to the answer's headers, connecting included; a body to send adds to it. */
  readonly answerMs: number
  /** Longest pause in a body being read. */
  readonly idleMs: number
}

export interface Answered {
  readonly response: Response
  /** Frees the connection without reading the rest. */
  readonly abandon: () => void
}

export type StoreCall = (request: StoreRequest, signal: AbortSignal) => Promise<Answered>

/** Slower than this, and a body being sent counts as stuck. */
const MIN_BYTES_A_MS = 256
const MAX_TEXT_BYTES = 8 * 1024 * 1024

/** Repeated once on a new connection: the one kept from before may have ended while the instance was frozen. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

/** Calls the store's API at this address, and answers with 2xx responses only. */
export function storeCall(addressed: Addressed, limits: StoreLimits): StoreCall {
  const send = sender(requestSender())
  return async function call(request, signal) {
    signal.throwIfAborted()
    const signed = addressed.signed(request) // a key of ours that cannot be is no fault of the store
    const limit = deadline(limits.answerMs + (request.body?.length ?? 0) / MIN_BYTES_A_MS, signal)
    const abandoned = new AbortController()
    const ended = AbortSignal.any([limit.signal, abandoned.signal])
    try {
      const response = await exchange(send, { signed, request }, ended)
      if (!response.ok) throw refusalFault(await refusal(request, response))
      return { response, abandon: () => abandoned.abort() }
    } catch (error) {
      abandoned.abort()
      throw translate(error, request, limit.signal, signal)
    } finally {
      limit.end()
    }
  }
}

interface Outgoing {
  readonly signed: Signed
  readonly request: StoreRequest
}

type Send = (outgoing: Outgoing & { readonly isAnew: boolean }, signal: AbortSignal) => Promise<Response>

async function exchange(send: Send, outgoing: Outgoing, ended: AbortSignal): Promise<Response> {
  try {
    return await send({ ...outgoing, isAnew: false }, ended)
  } catch (error) {
    if (ended.aborted || !REPEATABLE.has(outgoing.request.method)) throw error
    return send({ ...outgoing, isAnew: true }, ended)
  }
}

function sender(sendRequest: SendRequest): Send {
  return ({ signed, request: { method, body }, isAnew }, signal) => {
    // A compressed answer would have another length than the object.
    const headers = { 'accept-encoding': 'identity', ...signed.headers }
    return sendRequest({ url: signed.url, method, headers, body: bytesOf(method, body), isAnew }, signal)
  }
}

/** A write without a body says so: a store may ask for the length of what never comes. */
function bytesOf(method: string, body: StoreRequest['body']): Uint8Array | undefined {
  if (typeof body === 'object') return body
  return method === 'PUT' || method === 'POST' ? Buffer.from(body ?? '') : undefined
}

async function refusal({ purpose }: StoreRequest, response: Response): Promise<StoreError> {
  const code = await errorCode(response)
  return new StoreError(purpose, code ?? 'without a reason', response.status)
}

async function errorCode(response: Response): Promise<string | undefined> {
  try {
    return childText(readXml(await readText(response)), 'Code')
  } catch {
    return undefined // HEAD has no body, and a proxy's page is no XML; the status says enough
  }
}

/** The whole of a short answer. @throws RangeError for one of more than 8 MiB */
export async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  const reader = response.body?.getReader()
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    bytes += part.value.byteLength
    if (bytes > MAX_TEXT_BYTES) throw new RangeError('The answer of the store is too long')
    text += decoder.decode(part.value, { stream: true })
  }
  return text + decoder.decode()
}

function translate(
  error: unknown,
  { purpose }: StoreRequest,
  limit: AbortSignal,
  signal: AbortSignal,
): unknown {
  if (signal.aborted) return signal.reason
  if (limit.aborted) return new Fault('unavailable', { cause: new StoreError(purpose, 'timeout') })
  if (error instanceof Fault) return error
  return new Fault('unavailable', { cause: new StoreError(purpose, connectionCode(error)) })
}
