import { absentable } from './absentable.ts'
import { addressed, type Bucket, requireExpiry } from './addressed.ts'
import { headerInfo } from './header-info.ts'
import { listObjects } from './list-objects.ts'
import { multipartUploads } from './multipart-uploads.ts'
import type { ObjectStore, UploadForm } from './object-store.ts'
import { putObject } from './put-object.ts'
import { requireKey } from './require-key.ts'
import { storeCall, type StoreLimits } from './store-call.ts'
import { storedBody } from './stored-body.ts'

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
      const headers = range === undefined ? {} : { range: `bytes=${range.first}-${range.last ?? ''}` }
      const request = { method: 'GET', key, headers, purpose: 'read an object' } as const
      const answer = await absentable(call(request, signal))
      if (answer === undefined) return undefined
      const sizeBytes = Number(answer.response.headers.get('content-length'))
      const body = storedBody(answer, { sizeBytes, idleMs: limits.idleMs }, signal)
      return { info: headerInfo(answer.response), body }
    },

    put: (key, body, { contentType }, signal) =>
      putObject({ call, multipart }, { key, contentType, body }, signal),
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
      requireKey(terms.key)
      requireExpiry(terms.expiresInS)
      const fields = options.scheme.formFields({ ...terms, bucket: options.bucket }, forClients.signing())
      return { url: forClients.url, fields }
    },

    multipart,
  }
}
