import type { Draft } from '#shared/storage/disk/drafts.ts'
import { childrenNamed, childText, readXml } from '#shared/storage/read-xml.ts'
import { type Answer, xml } from './answer.ts'
import { checkedBody } from './checked-body.ts'
import { FLAVOURS } from './flavours.ts'
import { DEFAULT_TYPE, expected } from './object-routes.ts'
import { Refusal } from './refusal.ts'
import type { Routed, Shop } from './routes.ts'

const MAX_XML_BYTES = 4 * 1024 * 1024

export async function createUpload(shop: Shop, { key, request }: Routed): Promise<Answer> {
  const contentType = request.headers['content-type'] ?? DEFAULT_TYPE
  const { id } = await shop.disk.drafts.create({ key, contentType, startedMs: shop.clock() })
  return xml('InitiateMultipartUploadResult', [
    ['Bucket', shop.bucket],
    ['Key', key],
    ['UploadId', id],
  ])
}

export async function writePart(shop: Shop, routed: Routed): Promise<Answer> {
  const { request, parameter } = routed
  const number = Number(parameter('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new Refusal('InvalidArgument')
  const upload = await requiredUpload(shop, routed)
  const body = checkedBody(request.message, expected(request.headers))
  const part = await shop.disk.uploads.writePart(upload, { number, ...body })
  if (part === undefined) throw new Refusal('NoSuchUpload') // it ended while the part came in
  return { status: 200, headers: { etag: `"${part.md5}"` } }
}

export async function completeUpload(shop: Shop, routed: Routed): Promise<Answer> {
  const { key, request, flavour } = routed
  const upload = await requiredUpload(shop, routed)
  const parts = readCompletion(await readText(request.message))
  const { minPartBytes } = FLAVOURS[flavour]
  const done = await shop.disk.uploads.complete(upload, { parts, minPartBytes, nowMs: shop.clock() })
  if (typeof done === 'string') throw new Refusal(done)
  return xml('CompleteMultipartUploadResult', [
    ['Bucket', shop.bucket],
    ['Key', key],
    ['ETag', `"${done.etag}"`],
  ])
}

export async function abortUpload(shop: Shop, routed: Routed): Promise<Answer> {
  const { folder } = await requiredUpload(shop, routed)
  await shop.disk.drafts.discard(folder)
  return { status: 204 }
}

export async function listParts(shop: Shop, routed: Routed): Promise<Answer> {
  const { key, parameter } = routed
  const upload = await requiredUpload(shop, routed)
  const after = Number(parameter('part-number-marker') || 0)
  const limit = Number(parameter('max-parts') || 1_000)
  const rest = (await shop.disk.uploads.parts(upload)).filter(({ number }) => number > after)
  const page = rest.slice(0, limit)
  const parts = page.map(({ number, md5, sizeBytes }) => {
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
    ['UploadId', upload.id],
    ['NextPartNumberMarker', page.at(-1)?.number ?? after],
    ['IsTruncated', String(rest.length > limit)],
    ...parts,
  ])
}

async function requiredUpload({ disk }: Shop, { key, parameter }: Routed): Promise<Draft> {
  const upload = await disk.drafts.find(parameter('uploadId'), key)
  if (upload === undefined) throw new Refusal('NoSuchUpload')
  return upload
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
