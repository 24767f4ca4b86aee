import { limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import type { Answered } from './store-call.ts'
import { connectionCode, StoreError } from './store-error.ts'

/**
 * The body of an answer as a stream that is read only as fast as it is taken, and fails with `unavailable` when the store
 * stalls for `idleMs` or ends early. Cancelling it, or the end of `signal`, frees the connection.
 */
export function storedBody(
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
