import { type FileHandle, open } from 'node:fs/promises'

/** Writes a new file and answers with its size. One write is on its way while the next bytes are awaited. */
export async function writeFileOf(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, 'wx')
  let sizeBytes = 0
  let writing: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.byteLength
      await writing
      writing = writeAll(file, chunk)
      writing.catch(() => {}) // met above or below
    }
    await writing
    return sizeBytes
  } finally {
    await writing.catch(() => {})
    await file.close()
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let rest = chunk; rest.byteLength > 0;) {
    const { bytesWritten } = await file.write(rest)
    rest = rest.subarray(bytesWritten)
  }
}
