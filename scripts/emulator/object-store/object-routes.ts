import { type Answer, xml } from './answer.ts'
import { FLAVOURS } from './flavours.ts'
import { reachesPast, readRange } from './read-range.ts'
import { sizeOf, type StoredObject } from './objects.ts'
import type { Expected } from './received-file.ts'
import { splitOnce } from './incoming.ts'
import { Refusal } from './refusal.ts'
import type { Routed, Shop } from './routes.ts'

export const DEFAULT_TYPE = 'application/octet-stream'

/** What a signed URL may make an answer say. */
const OVERRIDES = {
  'response-content-type': 'content-type',
  'response-content-disposition': 'content-disposition',
  'response-cache-control': 'cache-control',
  'response-content-encoding': 'content-encoding',
  'response-content-language': 'content-language',
  'response-expires': 'expires',
} as const

export const READ_PARAMETERS: readonly string[] = Object.keys(OVERRIDES)

export async function readObject(shop: Shop, routed: Routed): Promise<Answer> {
  const object = shop.objects.find(routed.key)
  if (object === undefined) throw new Refusal('NoSuchKey')
  const sizeBytes = sizeOf(object)
  const range = rangeOf(routed, sizeBytes)
  const { start, end } = range ?? { start: 0, end: sizeBytes - 1 }
  const headers = { ...objectHeaders(object, routed), 'content-length': end - start + 1 }
  const partial = range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${sizeBytes}` }
  const status = range === undefined ? 200 : 206
  if (routed.request.method === 'HEAD' || end < start) return { status, headers: { ...headers, ...partial } }
  return {
    status,
    headers: { ...headers, ...partial },
    body: await shop.objects.read(object, { start, end }),
  }
}

export async function writeObject(shop: Shop, routed: Routed): Promise<Answer> {
  const { key, request, flavour } = routed
  const source = request.headers[`${FLAVOURS[flavour].headerPrefix}copy-source`]
  if (source !== undefined) return copyObject(shop, routed, source)
  const received = await shop.objects.receive(request.message, expected(request.headers))
  const contentType = request.headers['content-type'] ?? DEFAULT_TYPE
  await shop.objects.commit({
    files: [received],
    key,
    contentType,
    etag: received.md5,
    modifiedMs: shop.clock(),
  })
  return { status: 200, headers: { etag: `"${received.md5}"` } }
}

/** The source is `/bucket/key`, on COS `host/key`; both encoded. */
async function copyObject(shop: Shop, { key, request, flavour }: Routed, source: string): Promise<Answer> {
  const [bucket, from] = splitOnce(source.replace(/^\//, ''), '/')
  if (bucket.split('.cos.')[0] !== shop.bucket) throw new Refusal('NoSuchBucket')
  const object = shop.objects.find(decodeURIComponent(from ?? ''))
  if (object === undefined) throw new Refusal('NoSuchKey')
  const wanted = request.headers[`${FLAVOURS[flavour].headerPrefix}copy-source-if-match`]?.replaceAll('"', '')
  if (wanted !== undefined && wanted !== object.etag) throw new Refusal('PreconditionFailed')
  const files = await Promise.all(object.files.map((file) => shop.objects.duplicate(file)))
  await shop.objects.commit({ ...object, files, key, modifiedMs: shop.clock() })
  return xml('CopyObjectResult', [['ETag', `"${object.etag}"`]])
}

export async function deleteObject(shop: Shop, { key }: Routed): Promise<Answer> {
  await shop.objects.delete(key)
  return { status: 204 }
}

function rangeOf({ request: { headers }, flavour }: Routed, sizeBytes: number) {
  const header = headers['range']
  // OSS answers a range that reaches past the end with the whole object, unless it is asked to keep to the standard.
  const isLax = flavour === 'oss' && headers['x-oss-range-behavior'] !== 'standard'
  return isLax && reachesPast(header, sizeBytes) ? undefined : readRange(header, sizeBytes)
}

function objectHeaders(object: StoredObject, { request: { query } }: Routed) {
  const overrides = Object.entries(OVERRIDES).flatMap(([parameter, header]) => {
    const value = query.get(parameter)
    return value === undefined ? [] : [[header, value] as const]
  })
  return {
    'content-type': object.contentType,
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.modifiedMs).toUTCString(),
    'accept-ranges': 'bytes',
    ...Object.fromEntries(overrides),
  }
}

/** What a request promises of its body. */
export function expected(headers: Readonly<Record<string, string>>): Expected {
  const sha256 = /^[\da-f]{64}$/.exec(headers['x-amz-content-sha256'] ?? '')?.[0]
  if (headers['content-encoding'] === 'aws-chunked')
    throw new Refusal('NotImplemented', 'Send bodies whole: aws-chunked is not understood, as on OSS')
  return { sha256, md5: headers['content-md5'] }
}
