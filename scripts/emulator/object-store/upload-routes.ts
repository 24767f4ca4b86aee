import { childrenNamed, childText, readXml } from '#shared/storage/read-xml.ts'
import { type Answer, xml } from './answer.ts'
import { FLAVOURS } from './flavours.ts'
import { DEFAULT_TYPE, expected } from './object-routes.ts'
import { Refusal } from './refusal.ts'
import type { Routed, Shop } from './routes.ts'

const MAX_XML_BYTES = 4 * 1024 * 1024

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
