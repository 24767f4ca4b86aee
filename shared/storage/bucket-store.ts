import { absentable } from './absentable.ts'
import { addressed, type Bucket, requireExpiry } from './addressed.ts'
import { headerInfo, unquoted } from './header-info.ts'
import { listObjects } from './list-objects.ts'
import { multipartUploads } from './multipart-uploads.ts'
import type { ByteRange, ObjectStore, UploadForm } from './object-store.ts'
import { putObject } from './put-object.ts'
import { requireKey } from './require-key.ts'
import { storeCall, type StoreLimits } from './store-call.ts'
import { storedObject } from './stored-body.ts'
import { requiredText, xmlAnswer } from './xml-answer.ts'

export interface BucketStoreOptions extends Omit<Bucket, 'origin' | 'pathStyle'> {
  /** Where clients go: signed into what they get. */
  readonly publicAddress: Pick<Bucket, 'origin' | 'pathStyle'>
  /** Where this program goes. */
  readonly internalAddress: Pick<Bucket, 'origin' | 'pathStyle'>
  readonly limits?: StoreLimits
}

const LIMITS: StoreLimits = { answerMs: 5_000, idleMs: 10_000 }

/** A bucket over the vendor's HTTP API. Opens nothing until it is used. */
export function bucketStore(options: BucketStoreOptions): ObjectStore {
  const limits = options.limits ?? LIMITS
  const forClients = addressed({ ...options, ...options.publicAddress })
  const call = storeCall(addressed({ ...options, ...options.internalAddress }), limits)
  const multipart = multipartUploads(call, forClients)

  return {
    head: async (key, signal) => {
      const answer = await absentable(call({ method: 'HEAD', key, purpose: 'look at an object' }, signal))
      return answer === undefined ? undefined : headerInfo(answer.response)
    },

    get: async (key, { range }, signal) => {
      const headers = range === undefined ? {} : { ...options.scheme.rangeHeaders, range: rangeText(range) }
      const request = { method: 'GET', key, headers, purpose: 'read an object' } as const
      const answer = await absentable(call(request, signal))
      return answer === undefined ? undefined : storedObject(answer, { range, idleMs: limits.idleMs }, signal)
    },

    put: (key, body, { contentType }, signal) =>
      putObject({ call, multipart }, { key, contentType, body }, signal),
    copy: async ({ from, to, ifMatch }, signal) => {
      const source = { bucket: options.bucket, region: options.region, key: requireKey(from) }
      const headers = options.scheme.copyHeaders(source, ifMatch)
      const request = { method: 'PUT', key: to, headers, purpose: 'copy an object' } as const
      const answer = await absentable(xmlAnswer(call, request, signal))
      return answer === undefined ? undefined : { etag: unquoted(requiredText(answer, 'ETag')) }
    },
    delete: async (key, signal) =>
      void (await absentable(call({ method: 'DELETE', key, purpose: 'delete an object' }, signal))),
    list: (page, signal) => listObjects(call, options.scheme, page, signal),

    presignGet: (key, { expiresInS, contentDisposition, contentType }) => {
      const query = {
        ...(contentDisposition === undefined ? {} : { 'response-content-disposition': contentDisposition }),
        ...(contentType === undefined ? {} : { 'response-content-type': contentType }),
      }
      return forClients.presigned({ method: 'GET', key, query }, expiresInS)
    },

    uploadForm: (terms): UploadForm => {
      requireFormKey(terms.key)
      requireExpiry(terms.expiresInS)
      const fields = options.scheme.formFields({ ...terms, bucket: options.bucket }, forClients.signing())
      return { url: forClients.url, fields }
    },

    multipart,
  }
}

/** All three put the name of the client's file in its place, and the key would be the client's to choose. */
const PLACEHOLDER = '${filename}'

function requireFormKey(key: string): void {
  if (requireKey(key).includes(PLACEHOLDER))
    throw new TypeError(`Cannot sign a form for a key with ${PLACEHOLDER}`)
}

/** @throws RangeError for a range that is none */
function rangeText({ first, last }: ByteRange): string {
  const isRange =
    Number.isInteger(first) && first >= 0 && (last === undefined || (Number.isInteger(last) && last >= first))
  if (!isRange) throw new RangeError(`Cannot read the bytes from ${first} to ${last}`)
  return `bytes=${first}-${last ?? ''}`
}
