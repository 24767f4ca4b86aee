import type { FileRow } from '#shared/db/tables/files.ts'
import { Fault } from '#shared/errors.ts'
import { checkHead, checkTail } from '#shared/media/check-content.ts'
import type { MediaType } from '#shared/media/media-types.ts'
import { HEAD_BYTES, TAIL_BYTES } from '#shared/media/sniff-type.ts'
import { withoutMetadata } from '#shared/media/without-metadata.ts'
import type { ByteRange, ObjectStore } from '#shared/storage/object-store.ts'
import { newFileKey, wholeUploadKey } from './object-keys.ts'
import { storeInspected, type StoredFile } from './store-inspected.ts'
import { uploadPieces } from './upload-pieces.ts'

/** The type that an uploading file claims to be. */
export function claimedBy(row: FileRow): MediaType {
  return row.content_type as MediaType // written from a MediaType when the upload began
}

/**
 * Looks at what was uploaded and makes it the file, at a key of its own: the client's form or URL may still replace
 * what it uploaded, but no longer what was looked at.
 *
 * @throws Fault conflict while nothing is uploaded, unsupported_media_type, payload_too_large
 */
export async function takeIn(storage: ObjectStore, row: FileRow, signal: AbortSignal): Promise<StoredFile> {
  const type = claimedBy(row)
  const key = newFileKey(row, type)
  if (row.flow === 'tus') {
    const body = await uploadPieces(storage, row.id).read(row.size_bytes, signal)
    return storeInspected(storage, { key, type, body }, signal)
  }
  if (withoutMetadata(type) === undefined) return copyInspected(storage, row, { key, type }, signal)
  const found = await storage.get(wholeUploadKey(row.id), {}, signal)
  if (found === undefined) throw nothingUploaded(row)
  try {
    requireSize(row, found.info.sizeBytes)
  } catch (error) {
    await found.body.cancel().catch(() => {}) // it frees the connection
    throw error
  }
  return storeInspected(storage, { key, type, body: found.body }, signal)
}

/** Looks at both ends of what may be a gigabyte, and has the store copy the very object that was looked at. */
async function copyInspected(
  storage: ObjectStore,
  row: FileRow,
  { key, type }: { readonly key: string; readonly type: MediaType },
  signal: AbortSignal,
): Promise<StoredFile> {
  const from = wholeUploadKey(row.id)
  const info = await storage.head(from, signal)
  if (info === undefined) throw nothingUploaded(row)
  const { sizeBytes, etag } = info
  requireSize(row, sizeBytes)
  const ends = {
    head: { first: 0, last: HEAD_BYTES - 1 },
    tail: { first: Math.max(0, sizeBytes - TAIL_BYTES) },
  }
  const [head, tail] = await Promise.all([
    readRange(storage, from, { etag, range: ends.head }, signal),
    readRange(storage, from, { etag, range: ends.tail }, signal),
  ])
  checkHead(type, head)
  checkTail(type, tail)
  const copy = await storage.copy({ from, to: key, ifMatch: etag }, signal)
  if (copy === undefined) throw nothingUploaded(row)
  return { key, etag: copy.etag, sizeBytes, sha256: null }
}

async function readRange(
  storage: ObjectStore,
  key: string,
  { etag, range }: { readonly etag: string; readonly range: ByteRange },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const found = await storage.get(key, { range }, signal)
  if (found === undefined) throw replaced()
  const bytes = Buffer.from(await new Response(found.body).arrayBuffer())
  if (found.info.etag !== etag) throw replaced()
  return bytes
}

function requireSize({ flow, size_bytes: announced }: FileRow, sizeBytes: number): void {
  if (sizeBytes === 0) throw nothingUploaded({ flow })
  if (sizeBytes > announced)
    throw new Fault('payload_too_large', { details: [{ reason: 'size', maxBytes: announced }] })
  if (flow === 'parts' && sizeBytes < announced)
    throw new Fault('conflict', { details: [{ reason: 'incomplete', sizeBytes, expectedBytes: announced }] })
}

/** Parts that are all there are an object soon: another call is just having it made of them. */
function nothingUploaded({ flow }: Pick<FileRow, 'flow'>): Fault {
  if (flow === 'parts') return new Fault('conflict', { details: [{ reason: 'completing' }], retryAfterS: 1 })
  const message = 'upload the file first'
  return new Fault('conflict', { details: [{ reason: 'nothing_uploaded', message }] })
}

function replaced(): Fault {
  return new Fault('conflict', { details: [{ reason: 'replaced_meanwhile' }], retryAfterS: 1 })
}
