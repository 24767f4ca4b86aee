import type { DiskObject } from '#shared/storage/disk/objects.ts'
import type { ByteSpan } from '#shared/storage/disk/open-bytes.ts'
import { type Answer, xml } from './answer.ts'
import { bytesStream } from './bytes-stream.ts'
import { checkedBody, type Expected } from './checked-body.ts'
import { FLAVOURS } from './flavours.ts'
import { reachesPast, readRange } from './read-range.ts'
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
  if (routed.request.method === 'HEAD') {
    const object = await shop.disk.find(routed.key)
    if (object === undefined) throw new Refusal('NoSuchKey')
    return described(object, routed)
  }
  const found = await shop.disk.open(routed.key, (object) => spanOf(object, routed))
  if (found === undefined) throw new Refusal('NoSuchKey')
  return { ...described(found.object, routed), body: bytesStream(found.bytes) }
}

export async function writeObject(shop: Shop, routed: Routed): Promise<Answer> {
  const { key, request, flavour } = routed
  const source = request.headers[`${FLAVOURS[flavour].headerPrefix}copy-source`]
  if (source !== undefined) return copyObject(shop, routed, source)
  const { chunks, md5Of } = checkedBody(request.message, expected(request.headers))
  const contentType = request.headers['content-type'] ?? DEFAULT_TYPE
  const { etag } = await shop.disk.write({ key, contentType, startedMs: shop.clock() }, chunks, md5Of)
  return { status: 200, headers: { etag: `"${etag}"` } }
}

/** The source is `/bucket/key`, on COS `host/key`; both encoded. */
async function copyObject(shop: Shop, { key, request, flavour }: Routed, source: string): Promise<Answer> {
  const [bucket, from] = splitOnce(source.replace(/^\//, ''), '/')
  if (bucket.split('.cos.')[0] !== shop.bucket) throw new Refusal('NoSuchBucket')
  const object = await shop.disk.find(decodeURIComponent(from ?? ''))
  if (object === undefined) throw new Refusal('NoSuchKey')
  const wanted = request.headers[`${FLAVOURS[flavour].headerPrefix}copy-source-if-match`]?.replaceAll('"', '')
  if (wanted !== undefined && wanted !== object.etag) throw new Refusal('PreconditionFailed')
  const note = { key, contentType: object.contentType, startedMs: shop.clock() }
  if (!(await shop.disk.copy(object, note))) throw new Refusal('NoSuchKey')
  return xml('CopyObjectResult', [['ETag', `"${object.etag}"`]])
}

export async function deleteObject(shop: Shop, { key }: Routed): Promise<Answer> {
  await shop.disk.remove(key)
  return { status: 204 }
}

function rangeOf({ request: { headers }, flavour }: Routed, sizeBytes: number) {
  const header = headers['range']
  // OSS answers a range that reaches past the end with the whole object, unless it is asked to keep to the standard.
  const isLax = flavour === 'oss' && headers['x-oss-range-behavior'] !== 'standard'
  return isLax && reachesPast(header, sizeBytes) ? undefined : readRange(header, sizeBytes)
}

function spanOf(object: DiskObject, routed: Routed): ByteSpan {
  return rangeOf(routed, object.sizeBytes) ?? { start: 0, end: object.sizeBytes - 1 }
}

/** The answer but for its body. */
function described(object: DiskObject, routed: Routed): Answer {
  const { sizeBytes } = object
  const { start, end } = spanOf(object, routed)
  const isPartial = rangeOf(routed, sizeBytes) !== undefined
  const partial = isPartial ? { 'content-range': `bytes ${start}-${end}/${sizeBytes}` } : {}
  const headers = { ...objectHeaders(object, routed), 'content-length': end - start + 1, ...partial }
  return { status: isPartial ? 206 : 200, headers }
}

function objectHeaders(object: DiskObject, { request: { query } }: Routed) {
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
