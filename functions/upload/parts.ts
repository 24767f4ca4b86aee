import type { FileRow } from '#shared/db/tables/files.ts'
import { Fault } from '#shared/errors.ts'
import { wholeUploadKey } from '#shared/files/object-keys.ts'
import {
  PART_BYTES,
  PART_CONTENT_TYPE,
  type Upload,
  type UploadedPart,
} from '#shared/storage/object-store.ts'
import type { UploadRouteOptions } from './upload-options.ts'

type PartName = Pick<UploadedPart, 'number' | 'etag'>
type Options = Pick<UploadRouteOptions, 'storage' | 'clock'>

/** How long the URL of a part works; new ones can be had at any time. */
const URL_LIFE_S = 3_600

/** Every part of an upload, with the URL to PUT it to, and the ETag of what has arrived. */
export function presentParts({ storage, clock }: Options, row: FileRow, arrived: readonly UploadedPart[]) {
  const upload = uploadOf(row)
  const byNumber = new Map(arrived.map((part) => [part.number, part]))
  const leftS = Math.floor(((row.expires_at?.getTime() ?? 0) - clock()) / 1_000)
  const expiresInS = Math.max(1, Math.min(URL_LIFE_S, leftS))
  const parts = Array.from({ length: Math.ceil(row.size_bytes / PART_BYTES) }, (_, index) => {
    const number = index + 1
    const sizeBytes = Math.min(PART_BYTES, row.size_bytes - index * PART_BYTES)
    const url = storage.multipart.presignPart({ ...upload, number, sizeBytes, expiresInS })
    return { number, url, etag: byNumber.get(number)?.etag ?? null }
  })
  return { partSizeBytes: PART_BYTES, partContentType: PART_CONTENT_TYPE, parts }
}

/** The parts that the store has. */
export async function arrivedParts(
  { storage }: Pick<Options, 'storage'>,
  row: FileRow,
  signal: AbortSignal,
): Promise<readonly UploadedPart[]> {
  try {
    return await storage.multipart.parts(uploadOf(row), signal)
  } catch (error) {
    if (error instanceof Fault && error.error === 'not_found') return [] // made into the object already
    throw error
  }
}

/**
 * Makes the uploaded object out of its parts. An upload that is already made is fine: whoever did it may have died
 * before the file was.
 *
 * @throws Fault conflict with the numbers that are missing
 */
export async function completeParts(
  { storage }: Options,
  { row, given }: { readonly row: FileRow; readonly given?: readonly PartName[] | undefined },
  signal: AbortSignal,
): Promise<void> {
  const upload = uploadOf(row)
  try {
    const arrived = await storage.multipart.parts(upload, signal)
    const chosen = given === undefined ? arrived : arrived.filter((part) => isAmong(given, part))
    // Looked at before: the store joins whatever it is told, and the upload is gone then.
    requireWhole(row, chosen)
    await storage.multipart.complete({ ...upload, parts: chosen }, signal)
  } catch (error) {
    if (!(error instanceof Fault) || error.error !== 'not_found') throw error
  }
}

function isAmong(given: readonly PartName[], { number, etag }: UploadedPart): boolean {
  return given.some((one) => one.number === number && one.etag.replaceAll('"', '') === etag)
}

function requireWhole({ size_bytes: expectedBytes }: FileRow, arrived: readonly UploadedPart[]): void {
  const numbers = new Set(arrived.map(({ number }) => number))
  const missing = Array.from(
    { length: Math.ceil(expectedBytes / PART_BYTES) },
    (_, index) => index + 1,
  ).filter((number) => !numbers.has(number))
  const sizeBytes = arrived.reduce((sum, part) => sum + part.sizeBytes, 0)
  if (missing.length > 0 || sizeBytes !== expectedBytes)
    throw new Fault('conflict', { details: [{ reason: 'incomplete', missing, sizeBytes, expectedBytes }] })
}

function uploadOf({ id, upload_id: uploadId }: FileRow): Upload {
  if (uploadId === null) throw new TypeError(`The upload ${id} has no parts`)
  return { key: wholeUploadKey(id), uploadId }
}
