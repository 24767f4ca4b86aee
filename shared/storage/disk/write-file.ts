import { type FileHandle, open } from 'node:fs/promises'

/** Written at once: a call of the file system costs the same for few bytes and for many. */
const BATCH_BYTES = 512 * 1024

/**
 * Writes a new file and answers with its size. One of two buffers is on its way while the other one fills: chunks that are
 * copied, and kept no longer than that, cost less than those that memory fills up with until the next collection.
 */
export async function writeFileOf(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, 'wx')
  let [filling, other] = [Buffer.allocUnsafeSlow(BATCH_BYTES), Buffer.allocUnsafeSlow(BATCH_BYTES)]
  let filled = 0
  let sizeBytes = 0
  let writing: Promise<void> = Promise.resolve()

  async function flush(): Promise<void> {
    await writing
    writing = writeAll(file, filling.subarray(0, filled))
    writing.catch(() => {}) // met by the next flush, or at the end
    ;[filling, other] = [other, filling]
    filled = 0
  }

  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.byteLength
      for (let rest = chunk; rest.byteLength > 0;) {
        const taken = Math.min(rest.byteLength, BATCH_BYTES - filled)
        filling.set(taken === rest.byteLength ? rest : rest.subarray(0, taken), filled)
        filled += taken
        rest = rest.subarray(taken)
        if (filled === BATCH_BYTES) await flush()
      }
    }
    await flush()
    await writing
    return sizeBytes
  } finally {
    await writing.catch(() => {})
    await file.close()
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.byteLength > 0;) rest = rest.subarray((await file.write(rest)).bytesWritten)
}
