import type { OpenBytes } from './disk/open-bytes.ts'
import { diskFault } from './disk-fault.ts'

/** Bytes of an object as a stream that is read only as fast as it is taken. Cancelling it, or the end of `signal`, closes its files. */
export function diskBody(bytes: OpenBytes, signal: AbortSignal): ReadableStream<Uint8Array> {
  async function close(): Promise<void> {
    signal.removeEventListener('abort', giveUp)
    await bytes.close()
  }

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      signal.throwIfAborted()
      const chunk = await bytes.next()
      signal.throwIfAborted()
      if (chunk !== undefined) return controller.enqueue(chunk)
      await close()
      controller.close()
    } catch (error) {
      await close()
      throw diskFault('read an object', signal.aborted ? signal.reason : error)
    }
  }

  const giveUp = () => void close().catch(() => {}) // the reader learns why it ends
  signal.addEventListener('abort', giveUp, { once: true })
  return new ReadableStream({ pull, cancel: close }, { highWaterMark: 0 })
}
