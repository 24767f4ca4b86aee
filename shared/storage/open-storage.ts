import { type Clock, systemClock } from '#shared/clock.ts'
import { bucketStore } from './bucket-store.ts'
import { diskStore } from './disk-store.ts'
import type { ObjectStore } from './object-store.ts'
import type { Credentials } from './scheme.ts'
import type { StorageAddress } from './storage-address.ts'
import type { StoreLimits } from './store-call.ts'

export interface StorageOptions {
  readonly at: StorageAddress
  /** Asked at every signature, since temporary credentials change. */
  readonly credentials: () => Credentials
  readonly clock?: Clock
  readonly limits?: StoreLimits
}

const LIMITS: StoreLimits = { answerMs: 5_000, idleMs: 10_000 }

/** The bucket of a deployment. Opens nothing until it is used. */
export function openStorage({
  at,
  credentials,
  clock = systemClock,
  limits = LIMITS,
}: StorageOptions): ObjectStore {
  const { origins, folder, ...bucket } = at
  const own = { ...bucket, credentials, clock }
  const forClients = { ...own, origin: origins.public }
  if (folder !== undefined) return diskStore(folder, forClients)
  return bucketStore({
    forClients,
    forUs: { ...own, origin: origins.internal },
    limits,
  })
}
