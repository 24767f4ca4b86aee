import { absentable } from './absentable.ts'
import { addressed, type Bucket } from './addressed.ts'
import { clientGrants } from './client-grants.ts'
import { copyObject } from './copy-object.ts'
import { headerInfo } from './header-info.ts'
import { listObjects } from './list-objects.ts'
import { multipartUploads } from './multipart-uploads.ts'
import type { ObjectStore } from './object-store.ts'
import { putObject } from './put-object.ts'
import { readObject } from './read-object.ts'
import { storeCall, type StoreLimits } from './store-call.ts'

export interface BucketStoreOptions {
  /** The bucket at the address that clients call, signed into what they get. */
  readonly forClients: Bucket
  /** The same bucket at the address that this program calls. */
  readonly forUs: Bucket
  readonly limits: StoreLimits
}

/** A bucket over the vendor's HTTP API. */
export function bucketStore({ forClients, forUs, limits }: BucketStoreOptions): ObjectStore {
  const clients = addressed(forClients)
  const call = storeCall(addressed(forUs), limits)
  const multipart = multipartUploads(call, clients)
  const means = { call, multipart, scheme: forUs.scheme, idleMs: limits.idleMs }

  return {
    async head(key, signal) {
      const answer = await absentable(call({ method: 'HEAD', key, purpose: 'look at an object' }, signal))
      return answer === undefined ? undefined : headerInfo(answer.response)
    },
    get: (key, options, signal) => readObject(means, { key, ...options }, signal),
    put: (key, body, options, signal) => putObject(means, { key, body, ...options }, signal),
    copy: (terms, signal) => copyObject(call, forUs, terms, signal),
    async delete(key, signal) {
      await absentable(call({ method: 'DELETE', key, purpose: 'delete an object' }, signal))
    },
    list: (page, signal) => listObjects(means, page, signal),
    ...clientGrants(forClients, clients),
    multipart,
  }
}
