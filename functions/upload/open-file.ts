import type { FileRow } from '#shared/db/tables/files.ts'
import { Fault } from '#shared/errors.ts'
import { representationHeaders, selectRepresentation, type Selected } from '#shared/http/conditional.ts'
import type { Platform } from '#shared/http/app.ts'
import { contentDisposition } from '#shared/media/file-name.ts'
import type { UploadRouteOptions } from './upload-options.ts'

/** How long the bucket's own URL works. */
export const LINK_LIFE_S = 300

/** Whatever a file is, it runs nothing and is nothing but what it says. */
const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cache-control': 'private, no-cache',
}

export interface Reading {
  readonly request: Request
  readonly row: FileRow
  readonly kind: 'attachment' | 'inline'
  readonly platform: Platform
}

/** What a platform lets a function answer, where that is less than a file may have; a little is left for the headers. */
const MOST_BYTES: Readonly<Record<Platform, number>> = {
  scf: 5.9 * 1024 * 1024,
  fc: Infinity,
  local: Infinity,
}

/** The answer to a GET or HEAD of a file. Conditions are met here, whoever sends the bytes. */
export async function openFile(
  { storage, clock, download, logger }: UploadRouteOptions,
  { request, row, kind, platform }: Reading,
  signal: AbortSignal,
): Promise<Response> {
  const { object_key: key, etag, size_bytes: sizeBytes, created_at: lastModified } = row
  if (key === null || etag === null) throw new Fault('not_found')
  const representation = { etag, lastModified, sizeBytes }
  const selected = selectRepresentation(request, representation, clock)
  const said = representationHeaders(selected, representation, clock)
  const failed = refusal(selected, said)
  if (failed !== undefined) throw failed
  const headers = { ...SAFE_HEADERS, ...said }
  if (selected.status === 304) return new Response(null, { status: 304, headers })
  const disposition = dispositionOf(row, kind)
  const own = { ...headers, 'content-type': row.content_type, 'content-disposition': disposition }
  if (request.method === 'HEAD') return new Response(null, { status: 200, headers: own })
  const range = selected.status === 206 ? { range: selected.range } : {}
  const bytes = selected.status === 206 ? selected.range.last - selected.range.first + 1 : sizeBytes
  // A range that does not count any more, by If-Range, would still be taken at the bucket.
  const isOverruled = selected.status === 200 && request.headers.has('if-range')
  const isSent = download === 'stream' || isOverruled
  if (!isSent || bytes > MOST_BYTES[platform]) {
    const url = storage.presignGet(key, { expiresInS: LINK_LIFE_S, contentDisposition: disposition })
    return new Response(null, { status: 302, headers: { location: url, 'cache-control': 'no-store' } })
  }
  const object = await storage.get(key, range, signal)
  if (object === undefined || object.info.etag !== etag) {
    await object?.body.cancel().catch(() => {}) // it frees the connection
    logger.error('files.lost', { fileId: row.id })
    throw new Fault('not_found')
  }
  return new Response(object.body, { status: selected.status, headers: own })
}

/** Pictures, sound and film may be shown in place; a document never is, since the bucket says nothing of a sandbox. */
export function dispositionOf({ name, content_type: type }: FileRow, wanted: Reading['kind']): string {
  return contentDisposition(/^(?:image|audio|video)\//.test(type) ? wanted : 'attachment', name)
}

function refusal({ status }: Selected, headers: Readonly<Record<string, string>>): Fault | undefined {
  if (status === 412) return new Fault('precondition_failed')
  return status === 416 ? new Fault('range_not_satisfiable', { headers }) : undefined
}
