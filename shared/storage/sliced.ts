const SLICE_BYTES = 64 * 1024

/** Bytes as a stream of slices of themselves: Node's fetch copies a whole body first, but not what it streams. */
export function sliced(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream(
    {
      pull(controller) {
        if (at >= bytes.byteLength) return controller.close()
        controller.enqueue(bytes.subarray(at, at + SLICE_BYTES))
        at += SLICE_BYTES
      },
    },
    { highWaterMark: 0 },
  )
}
