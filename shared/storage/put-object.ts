import { Fault } from '#shared/errors.ts'
import { unquoted } from './header-info.ts'
import { partQuery } from './multipart-uploads.ts'
import {
  type Body,
  MAX_PARTS,
  type MultipartUploads,
  PART_BYTES,
  PART_CONTENT_TYPE,
  type PutObject,
  type Upload,
} from './object-store.ts'
import { partReader } from './part-reader.ts'
import type { StoreCall, StoreRequest } from './store-call.ts'
import { strangeAnswer } from './store-error.ts'

export interface NewObject {
  readonly key: string
  readonly contentType: string
  readonly body: Body
}

interface Means {
  readonly call: StoreCall
  readonly multipart: MultipartUploads
}

/** For cleaning up after a call whose own signal may have ended. */
const CLEANUP_MS = 5_000

/** Stores bytes in one request, and a stream of more than one part in several. */
export async function putObject(means: Means, object: NewObject, signal: AbortSignal): Promise<PutObject> {
  const { key, contentType, body } = object
  if (body instanceof Uint8Array) return putBytes(means.call, { key, contentType, body }, signal)
  const parts = partReader(body, PART_BYTES, signal)
  try {
    const first = await parts.next()
    if (first.byteLength < PART_BYTES || !(await parts.hasMore()))
      return await putBytes(means.call, { key, contentType, body: first }, signal)
    return await putParts(means, { key, contentType, first, parts }, signal)
  } catch (error) {
    // Whoever feeds the stream learns that nobody reads on; how that ends is theirs.
    parts.cancel(error).catch(() => {})
    throw error
  }
}

async function putBytes(
  call: StoreCall,
  { key, contentType, body }: Omit<NewObject, 'body'> & { readonly body: Uint8Array<ArrayBuffer> },
  signal: AbortSignal,
): Promise<PutObject> {
  const headers = { 'content-type': contentType }
  const etag = await put(call, { method: 'PUT', key, headers, body, purpose: 'write an object' }, signal)
  return { etag, sizeBytes: body.byteLength }
}

interface Streamed extends Omit<NewObject, 'body'> {
  readonly first: Uint8Array<ArrayBuffer>
  readonly parts: ReturnType<typeof partReader>
}

async function putParts(
  { call, multipart }: Means,
  object: Streamed,
  signal: AbortSignal,
): Promise<PutObject> {
  const { key, contentType } = object
  const upload = { key, uploadId: await multipart.create(key, { contentType }, signal) }
  try {
    const { sizeBytes, parts } = await sendParts(call, { ...upload, ...object }, signal)
    const { etag } = await multipart.complete({ ...upload, parts }, signal)
    return { etag, sizeBytes }
  } catch (error) {
    // Should this fail too, a sweep of abandoned uploads finds it.
    await multipart.abort(upload, AbortSignal.timeout(CLEANUP_MS)).catch(() => {})
    throw error
  }
}

/** Sends a part while the next one is read. */
async function sendParts(call: StoreCall, object: Streamed & Upload, signal: AbortSignal) {
  const { key, uploadId, parts } = object
  const sent: { number: number; etag: string }[] = []
  let sizeBytes = 0
  for (let body = object.first; body.byteLength > 0;) {
    if (sent.length === MAX_PARTS) throw new Fault('payload_too_large')
    const number = sent.length + 1
    const following = parts.next()
    following.catch(() => {}) // met below, once the part on its way has arrived or failed
    const request = {
      method: 'PUT',
      key,
      query: partQuery(uploadId, number),
      headers: { 'content-type': PART_CONTENT_TYPE },
      body,
      purpose: 'write a part',
    } as const
    sent.push({ number, etag: await put(call, request, signal) })
    sizeBytes += body.byteLength
    body = await following
  }
  return { sizeBytes, parts: sent }
}

async function put(call: StoreCall, request: StoreRequest, signal: AbortSignal): Promise<string> {
  const { response, abandon } = await call(request, signal)
  const etag = unquoted(response.headers.get('etag') ?? '')
  await response.arrayBuffer().catch(abandon) // empty; read so that the connection may be used again
  if (etag === '') throw strangeAnswer('ETag')
  return etag
}
