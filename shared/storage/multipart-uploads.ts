import { absentable } from './absentable.ts'
import type { Addressed } from './addressed.ts'
import { unquoted } from './header-info.ts'
import { withoutEmpty } from './list-objects.ts'
import {
  MAX_PARTS,
  type MultipartUploads,
  PART_CONTENT_TYPE,
  type PartTerms,
  type Upload,
  type UploadedPart,
} from './object-store.ts'
import { childrenNamed, childText, type Element, escapeXml } from './read-xml.ts'
import type { StoreCall } from './store-call.ts'
import { requiredText, xmlAnswer } from './xml-answer.ts'

/** Uploads in parts, which the three vendors speak alike. */
export function multipartUploads(call: StoreCall, forClients: Addressed): MultipartUploads {
  return {
    async create(key, { contentType }, signal) {
      const headers = { 'content-type': contentType }
      const request = {
        method: 'POST',
        key,
        query: { uploads: '' },
        headers,
        purpose: 'begin an upload',
      } as const
      return requiredText(await xmlAnswer(call, request, signal), 'UploadId')
    },

    presignPart: (part) => presignedPart(forClients, part),

    parts: (upload, signal) => listParts(call, upload, signal),

    async complete({ key, uploadId, parts }, signal) {
      const request = { method: 'POST', key, query: { uploadId }, headers: XML_TYPE } as const
      const body = completion(parts)
      const answer = await xmlAnswer(call, { ...request, body, purpose: 'complete an upload' }, signal)
      return { etag: unquoted(requiredText(answer, 'ETag')) }
    },

    async abort({ key, uploadId }, signal) {
      await absentable(
        call({ method: 'DELETE', key, query: { uploadId }, purpose: 'abort an upload' }, signal),
      )
    },

    async list({ prefix, limit }, signal) {
      const query = { uploads: '', ...withoutEmpty({ prefix }), 'max-uploads': String(limit) }
      const answer = await xmlAnswer(call, { method: 'GET', query, purpose: 'list uploads' }, signal)
      return childrenNamed(answer, 'Upload').map((upload) => ({
        key: requiredText(upload, 'Key'),
        uploadId: requiredText(upload, 'UploadId'),
        startedAt: new Date(requiredText(upload, 'Initiated')),
      }))
    },
  }
}

export function presignedPart(
  forClients: Addressed,
  { key, uploadId, number, sizeBytes, expiresInS }: PartTerms,
): string {
  const query = partQuery(uploadId, number)
  const headers = { 'content-type': PART_CONTENT_TYPE, 'content-length': String(sizeBytes) }
  return forClients.presigned({ method: 'PUT', key, query, headers }, expiresInS)
}

/** @throws RangeError for a number that no store takes */
export function partQuery(uploadId: string, number: number) {
  if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS)
    throw new RangeError(`Cannot number a part ${number}: numbers go from 1 to ${MAX_PARTS}`)
  return { partNumber: String(number), uploadId }
}

const XML_TYPE = { 'content-type': 'application/xml' } as const

async function listParts(
  call: StoreCall,
  { key, uploadId }: Upload,
  signal: AbortSignal,
): Promise<readonly UploadedPart[]> {
  const found: UploadedPart[] = []
  for (let marker: string | undefined = ''; marker !== undefined;) {
    const query = { uploadId, ...withoutEmpty({ 'part-number-marker': marker }) }
    const answer = await xmlAnswer(call, { method: 'GET', key, query, purpose: 'list parts' }, signal)
    found.push(...childrenNamed(answer, 'Part').map(uploadedPart))
    marker = nextMarker(answer, marker)
  }
  return found
}

/** Undefined at the end, and for a store that would send us round in circles. */
function nextMarker(answer: Element, marker: string): string | undefined {
  const next = childText(answer, 'NextPartNumberMarker')
  return childText(answer, 'IsTruncated') === 'true' && next !== marker ? next : undefined
}

function uploadedPart(part: Element): UploadedPart {
  const etag = unquoted(requiredText(part, 'ETag'))
  return {
    number: Number(requiredText(part, 'PartNumber')),
    sizeBytes: Number(requiredText(part, 'Size')),
    etag,
  }
}

function completion(parts: readonly Pick<UploadedPart, 'number' | 'etag'>[]): string {
  const items = parts.map(({ number, etag }) => {
    const quoted = escapeXml(`"${unquoted(etag)}"`)
    return `<Part><PartNumber>${number}</PartNumber><ETag>${quoted}</ETag></Part>`
  })
  return `<CompleteMultipartUpload>${items.join('')}</CompleteMultipartUpload>`
}
