import { limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { headerInfo } from './header-info.ts'
import type { ByteRange, StoredObject } from './object-store.ts'
import type { Answered } from './store-call.ts'
import { connectionCode, StoreError, strangeAnswer } from './store-error.ts'

interface Reading {
  readonly range: ByteRange | undefined
  readonly idleMs: number
}

/** An object being read, out of the answer to a GET. @throws Fault upstream_failed for one that is not what was asked for */
export function storedObject(
  answered: Answered,
  { range, idleMs }: Reading,
  signal: AbortSignal,
): StoredObject {
  const { headers, status } = answered.response
  try {
    const length = headers.get('content-length')
    if (status !== (range === undefined ? 200 : 206)) throw strangeAnswer('range')
    if (length === null) throw strangeAnswer('length')
    const info = headerInfo(answered.response)
    return { info, body: storedBody(answered, { sizeBytes: Number(length), idleMs }, signal) }
  } catch (error) {
    answered.abandon()
    throw error
  }
}

/**
 * The body of an answer as a stream that is read only as fast as it is taken, and fails with `unavailable` when the store
 * stalls for `idleMs` or ends early. Cancelling it, or the end of `signal`, frees the connection.
 */
function storedBody(
  { response, abandon }: Answered,
  { sizeBytes, idleMs }: { readonly sizeBytes: number; readonly idleMs: number },
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = response.body?.getReader()
  let leftBytes = sizeBytes

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const part = await limited(idleMs, async () => reader?.read(), signal)
      leftBytes -= part?.value?.byteLength ?? 0
      if (part?.value !== undefined) return controller.enqueue(part.value)
      if (leftBytes !== 0) throw new StoreError('read an object', 'it ended early')
      controller.close()
    } catch (error) {
      abandon()
      if (signal.aborted) throw error
      throw new Fault('unavailable', { cause: bodyError(error) })
    }
  }

  return new ReadableStream({ pull, cancel: abandon }, { highWaterMark: 0 })
}

function bodyError(error: unknown): StoreError {
  return error instanceof StoreError ? error : new StoreError('read an object', connectionCode(error))
}
