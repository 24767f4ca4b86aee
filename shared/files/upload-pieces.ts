import { Fault } from '#shared/errors.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { offsetOf, uploadPrefix } from './object-keys.ts'

/** One list call of the store; a client that uploads in smaller pieces than a thousandth is refused. */
export const MAX_PIECES = 1_000

/**
 * An upload that comes in pieces of any size, one after the other. The store's own list of them is the state: which
 * bytes have arrived is asked of nobody else.
 */
export function uploadPieces(storage: ObjectStore, id: string) {
  const prefix = uploadPrefix(id)

  /**
   * The pieces that follow each other from the beginning. Of two attempts at the same place the longer one counts: what
   * a client was told has arrived stays so, whatever a connection that hung brings later.
   */
  async function arrived(signal: AbortSignal) {
    const { items } = await storage.list({ prefix, limit: MAX_PIECES }, signal)
    const longest = new Map<number, (typeof items)[number]>()
    for (const piece of items) {
      const rival = longest.get(offsetOf(piece.key))
      if (rival === undefined || rival.sizeBytes < piece.sizeBytes) longest.set(offsetOf(piece.key), piece)
    }
    const pieces: (typeof items)[number][] = []
    let offset = 0
    for (
      let piece = longest.get(0);
      piece !== undefined && piece.sizeBytes > 0;
      piece = longest.get(offset)
    ) {
      pieces.push(piece)
      offset += piece.sizeBytes
    }
    return { pieces, offset, count: items.length }
  }

  return {
    /** How many bytes have arrived, in how many pieces, those that count for nothing included. */
    async progress(signal: AbortSignal): Promise<{ readonly offset: number; readonly count: number }> {
      const { offset, count } = await arrived(signal)
      return { offset, count }
    },

    /** The whole. @throws Fault conflict while bytes are missing */
    async read(sizeBytes: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const { pieces, offset } = await arrived(signal)
      if (offset !== sizeBytes)
        throw new Fault('conflict', {
          details: [{ reason: 'incomplete', sizeBytes: offset, expectedBytes: sizeBytes }],
        })
      return readableOf(inTurn(pieces, signal))
    },
  }

  async function* inTurn(
    pieces: readonly { readonly key: string; readonly etag: string }[],
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    for (const { key, etag } of pieces) {
      const found = await storage.get(key, {}, signal)
      if (found?.info.etag === etag) yield* found.body
      else {
        await found?.body.cancel()
        throw new Fault('conflict', { retryAfterS: 1 })
      }
    }
  }
}

function readableOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await chunks.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
