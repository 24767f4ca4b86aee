import { abandonable } from '#shared/deadline.ts'

const FIRST_BYTES = 64 * 1024

/**
 * Cuts a stream into pieces of exactly `partBytes`, the last one shorter. A piece is valid until the next but one is asked
 * for: they take turns in two buffers, which grow no larger than a piece.
 */
export function partReader(stream: ReadableStream<Uint8Array>, partBytes: number, signal: AbortSignal) {
  const reader = stream.getReader()
  let buffer = new Uint8Array(0)
  let other = new Uint8Array(0)
  let rest: Uint8Array | undefined

  async function nextChunk(): Promise<Uint8Array | undefined> {
    const chunk = rest ?? (await readWithin(reader, signal))
    rest = undefined
    return chunk
  }

  async function next(): Promise<Uint8Array<ArrayBuffer>> {
    ;[buffer, other] = [other, buffer]
    let length = 0
    while (length < partBytes) {
      const chunk = await nextChunk()
      if (chunk === undefined) break
      const taken = Math.min(chunk.byteLength, partBytes - length)
      // The second buffer need not find out how large it has to be.
      const forBytes = Math.max(length + taken, other.byteLength)
      buffer = withRoom(buffer, length, { forBytes, partBytes })
      buffer.set(chunk.subarray(0, taken), length)
      length += taken
      if (taken < chunk.byteLength) rest = chunk.subarray(taken)
    }
    return buffer.subarray(0, length)
  }

  /** Whether anything follows the pieces so far. */
  async function hasMore(): Promise<boolean> {
    while (rest === undefined || rest.byteLength === 0) {
      rest = await readWithin(reader, signal)
      if (rest === undefined) return false
    }
    return true
  }

  return { next, hasMore, cancel: (reason: unknown) => reader.cancel(reason) }
}

async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  return (await abandonable(reader.read(), signal)).value
}

function withRoom(
  buffer: Uint8Array<ArrayBuffer>,
  length: number,
  { forBytes, partBytes }: { readonly forBytes: number; readonly partBytes: number },
): Uint8Array<ArrayBuffer> {
  if (forBytes <= buffer.byteLength) return buffer
  const larger = new Uint8Array(Math.min(partBytes, Math.max(forBytes, FIRST_BYTES, buffer.byteLength * 4)))
  larger.set(buffer.subarray(0, length))
  return larger
}
