import type { ObjectInfo } from './object-store.ts'
import { strangeAnswer } from './store-error.ts'

/** What the headers of an answer to GET or HEAD tell of the whole object. @throws Fault upstream_failed where they tell too little */
export function headerInfo(response: Response): ObjectInfo {
  const { headers } = response
  const total = headers.get('content-range')?.split('/')[1] ?? headers.get('content-length')
  const lastModified = new Date(headers.get('last-modified') ?? Number.NaN)
  const etag = unquoted(headers.get('etag') ?? '')
  if (total === null || !/^\d+$/.test(total) || etag === '' || Number.isNaN(lastModified.getTime()))
    throw strangeAnswer('size, ETag or time')
  const contentType = headers.get('content-type') ?? 'application/octet-stream'
  return { sizeBytes: Number(total), etag, contentType, lastModified }
}

/** An ETag without the quotes that headers and some answers put around it. */
export function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1')
}
