import { createHash } from 'node:crypto'
import { randomId } from '#shared/ids.ts'
import { canonicalExtension, type MediaType } from '#shared/media/media-types.ts'

/** Where finished files are. */
export const FILES_PREFIX = 'files/'
/** Where uploads come in; nothing here outlives its upload. */
export const UPLOADS_PREFIX = 'uploads/'

/** A key for the finished file, new at every call, so that of two calls at once neither writes over the other's. */
export function newFileKey(file: { readonly id: string; readonly user_id: string }, type: MediaType): string {
  const [year, month] = new Date(timeOf(file.id)).toISOString().split('-')
  // Hashed: keys are in URLs that clients see, and whose file it is is nobody's business.
  const owner = createHash('sha256').update(file.user_id).digest('hex').slice(0, 16)
  return `${FILES_PREFIX}${owner}/${year}/${month}/${file.id}-${randomId()}.${canonicalExtension(type)}`
}

/** Everything that an upload puts into the store is below this. */
export function uploadPrefix(id: string): string {
  return `${UPLOADS_PREFIX}${id}/`
}

/** Where a client puts a file by form or in parts. */
export function wholeUploadKey(id: string): string {
  return `${uploadPrefix(id)}whole`
}

/** Where a piece that begins at `offset` goes, new at every call; the keys sort as the pieces do. */
export function newPieceKey(id: string, offset: number): string {
  return `${uploadPrefix(id)}${String(offset).padStart(12, '0')}-${randomId()}`
}

/** Where a piece begins, by its key. */
export function offsetOf(key: string): number {
  return Number(/\/(\d{12})-[\w-]+$/.exec(key)?.[1])
}

/** The file that an object belongs to, by its key. */
export function fileIdOf(key: string): string | undefined {
  return /^(?:uploads\/|files\/[0-9a-f]{16}\/\d{4}\/\d\d\/)([0-9a-f-]{36})[/-]/.exec(key)?.[1]
}

/** The time that a UUIDv7 begins with, in ms. @see RFC 9562 §5.7 */
function timeOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
}
