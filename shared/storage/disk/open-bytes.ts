import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from './missing.ts'
import type { DiskObject } from './objects.ts'

export interface ByteSpan {
  readonly start: number
  /** Included. */
  readonly end: number
}

/** Bytes of an object while they are read. */
export interface OpenBytes {
  /** Undefined at the end. @throws Error when a file is shorter than it was */
  next(): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

const READ_BYTES = 256 * 1024

/**
 * Opens every file of a span at once, so that replacing or deleting the object does not disturb the reading. Undefined when
 * that has already happened.
 */
export async function openBytes(object: DiskObject, span: ByteSpan): Promise<OpenBytes | undefined> {
  const spans = spansOf(object, span)
  const opened = await Promise.allSettled(spans.map(({ path }) => open(path)))
  const files = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const close = async () => void (await Promise.all(files.splice(0).map((file) => file.close())))
  const failed = opened.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') {
    await close()
    return unlessMissing(Promise.reject(failed.reason))
  }

  let current = 0
  let at = spans[0]?.start ?? 0
  async function next(): Promise<Uint8Array | undefined> {
    const [file, place] = [files[current], spans[current]]
    if (file === undefined || place === undefined) return undefined
    const chunk = await readSome(file, at, place.end)
    at += chunk.byteLength
    if (at > place.end) {
      current += 1
      at = spans[current]?.start ?? 0
    }
    return chunk
  }
  return { next, close }
}

async function readSome(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - start + 1))
  const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, start)
  if (bytesRead === 0) throw new Error('A file of an object is shorter than its record says')
  return buffer.subarray(0, bytesRead)
}

interface FileSpan extends ByteSpan {
  readonly path: string
}

/** The parts of the object's files that a span of it covers. */
function spansOf({ files, folder }: DiskObject, { start, end }: ByteSpan): readonly FileSpan[] {
  let at = 0
  return files.flatMap(({ name, sizeBytes }) => {
    const first = Math.max(0, start - at)
    const last = Math.min(sizeBytes - 1, end - at)
    at += sizeBytes
    return first <= last ? [{ path: join(folder, name), start: first, end: last }] : []
  })
}
