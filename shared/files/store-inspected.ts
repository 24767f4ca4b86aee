import { createHash } from 'node:crypto'
import { checkHead, checkTail } from '#shared/media/check-content.ts'
import type { MediaType } from '#shared/media/media-types.ts'
import { HEAD_BYTES, TAIL_BYTES } from '#shared/media/sniff-type.ts'
import { withoutMetadata } from '#shared/media/without-metadata.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'

export interface Inspection {
  readonly key: string
  /** What the file claims to be. */
  readonly type: MediaType
  readonly body: ReadableStream<Uint8Array>
}

/** An object that was looked at while it was stored, so that nobody can put another in its place. */
export interface StoredFile {
  readonly key: string
  readonly etag: string
  readonly sizeBytes: number
  /** In hex; null where the bytes did not come by here. */
  readonly sha256: string | null
}

/**
 * Stores a file while it streams by, if it is what it claims to be, without the metadata that images carry.
 *
 * @throws Fault unsupported_media_type, and nothing is stored
 */
export async function storeInspected(
  storage: ObjectStore,
  { key, type, body }: Inspection,
  signal: AbortSignal,
): Promise<StoredFile> {
  const reader = body.getReader()
  try {
    const head = await readHead(reader)
    checkHead(type, head.subarray(0, HEAD_BYTES))
    const tail = keepTail()
    const hash = createHash('sha256')
    const look: Taps = { chunk: (chunk) => tail.add(chunk), end: () => checkTail(type, tail.bytes()) }
    const count: Taps = { chunk: (chunk) => void hash.update(chunk) }
    const clean = withoutMetadata(type)
    const stored =
      clean === undefined
        ? tapped(reader, [head], [look, count])
        : tapped(tapped(reader, [head], [look]).pipeThrough(clean).getReader(), [], [count])
    const { etag, sizeBytes } = await storage.put(key, stored, { contentType: type }, signal)
    return { key, etag, sizeBytes, sha256: hash.digest('hex') }
  } catch (error) {
    reader.cancel(error).catch(() => {}) // whoever feeds the stream learns that nobody reads on
    throw error
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** All of what was read up to `HEAD_BYTES`, in one piece: clients may send each byte in a chunk of its own. */
async function readHead(reader: Reader): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for (let bytes = 0; bytes < HEAD_BYTES;) {
    const { value } = await reader.read()
    if (value === undefined) break
    chunks.push(value)
    bytes += value.byteLength
  }
  return Buffer.concat(chunks)
}

interface Taps {
  readonly chunk: (chunk: Uint8Array) => void
  /** May throw: the stream then ends with the error. */
  readonly end?: () => void
}

/** The chunks given and those of the reader, seen by the taps as they pass. */
function tapped(reader: Reader, first: Uint8Array[], taps: readonly Taps[]): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const next = first.shift() ?? (await reader.read()).value
        if (next === undefined) {
          for (const { end } of taps) end?.()
          return controller.close()
        }
        for (const { chunk } of taps) chunk(next)
        controller.enqueue(next)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/** Remembers the last `TAIL_BYTES` of what is added, in whole chunks, however many it takes. */
function keepTail() {
  const chunks: Uint8Array[] = []
  let oldest = 0
  let bytes = 0

  function forget(): void {
    for (let chunk = chunks[oldest]; chunk !== undefined && bytes - chunk.byteLength >= TAIL_BYTES;) {
      bytes -= chunk.byteLength
      chunk = chunks[++oldest]
    }
    // All at once now and then: taking the first of 65,000 away means moving the others.
    if (oldest * 2 > chunks.length) {
      chunks.splice(0, oldest)
      oldest = 0
    }
  }

  return {
    add(chunk: Uint8Array) {
      chunks.push(chunk)
      bytes += chunk.byteLength
      forget()
    },
    bytes: () => Buffer.concat(chunks.slice(oldest)).subarray(-TAIL_BYTES),
  }
}
