import { readXml, childrenNamed, childText } from '#shared/storage/read-xml.ts'
import { type Answer, xml } from './answer.ts'
import { FLAVOURS } from './flavours.ts'
import { reachesPast, readRange } from './read-range.ts'
import { sizeOf, type StoredObject } from './objects.ts'
import type { Expected } from './received-file.ts'
import { splitOnce } from './incoming.ts'
import { Refusal } from './refusal.ts'
import type { Routed, Shop } from './routes.ts'

const DEFAULT_TYPE = 'application/octet-stream'
const MAX_XML_BYTES = 4 * 1024 * 1024

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

export async function createUpload(shop: Shop, { key, request }: Routed): Promise<Answer> {
  const contentType = request.headers['content-type'] ?? DEFAULT_TYPE
  const { uploadId } = await shop.uploads.create(key, contentType, shop.clock())
  return xml('InitiateMultipartUploadResult', [
    ['Bucket', shop.bucket],
    ['Key', key],
    ['UploadId', uploadId],
  ])
}

export async function writePart(shop: Shop, { key, request, parameter }: Routed): Promise<Answer> {
  const number = Number(parameter('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new Refusal('InvalidArgument')
  const upload = shop.uploads.require(key, parameter('uploadId'))
  const part = await shop.objects.receive(request.message, expected(request.headers))
  await shop.uploads.addPart(upload, number, part)
  return { status: 200, headers: { etag: `"${part.md5}"` } }
}

export async function completeUpload(
  shop: Shop,
  { key, request, flavour, parameter }: Routed,
): Promise<Answer> {
  const upload = shop.uploads.require(key, parameter('uploadId'))
  const parts = readCompletion(await readText(request.message))
  const { minPartBytes } = FLAVOURS[flavour]
  const current = shop.uploads.require(key, upload.uploadId) // another completion may have been faster
  const { etag } = await shop.uploads.complete(current, parts, { minPartBytes, nowMs: shop.clock() })
  return xml('CompleteMultipartUploadResult', [
    ['Bucket', shop.bucket],
    ['Key', key],
    ['ETag', `"${etag}"`],
  ])
}

export async function abortUpload(shop: Shop, { key, parameter }: Routed): Promise<Answer> {
  await shop.uploads.abort(shop.uploads.require(key, parameter('uploadId')))
  return { status: 204 }
}

export async function listParts(shop: Shop, { key, parameter }: Routed): Promise<Answer> {
  const upload = shop.uploads.require(key, parameter('uploadId'))
  const after = Number(parameter('part-number-marker') || 0)
  const limit = Number(parameter('max-parts') || 1_000)
  const rest = Object.entries(upload.parts).filter(([number]) => Number(number) > after)
  const page = rest.slice(0, limit)
  const parts = page.map(([number, { md5, sizeBytes }]) => {
    return [
      'Part',
      [
        ['PartNumber', number],
        ['ETag', `"${md5}"`],
        ['Size', sizeBytes],
      ],
    ] as const
  })
  return xml('ListPartsResult', [
    ['Bucket', shop.bucket],
    ['Key', key],
    ['UploadId', upload.uploadId],
    ['NextPartNumberMarker', page.at(-1)?.[0] ?? after],
    ['IsTruncated', String(rest.length > limit)],
    ...parts,
  ])
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

function expected(headers: Readonly<Record<string, string>>): Expected {
  const sha256 = /^[\da-f]{64}$/.exec(headers['x-amz-content-sha256'] ?? '')?.[0]
  if (headers['content-encoding'] === 'aws-chunked')
    throw new Refusal('NotImplemented', 'Send bodies whole: aws-chunked is not understood, as on OSS')
  return { sha256, md5: headers['content-md5'] }
}

function readCompletion(text: string) {
  try {
    return childrenNamed(readXml(text), 'Part').map((part) => ({
      number: Number(childText(part, 'PartNumber')),
      etag: (childText(part, 'ETag') ?? '').replaceAll('"', ''),
    }))
  } catch {
    throw new Refusal('MalformedXML')
  }
}

async function readText(message: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of message) {
    bytes += chunk.byteLength
    if (bytes > MAX_XML_BYTES) throw new Refusal('MalformedXML')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
