import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalObjectStore, startObjectStore } from '#scripts/emulator/object-store/start-object-store.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import { secret } from '#shared/secret.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { DISK_BUCKET, readStorageUrl } from '#shared/storage/storage-address.ts'

const ACCOUNT = { accessKeyId: 'local', secretKey: 'local-secret-key-of-the-tests-0000', ...DISK_BUCKET }

/** A folder as a bucket, and the server that its clients are sent to. */
export interface StartedDisk {
  readonly folder: string
  readonly server: LocalObjectStore
  /** As a deployment is told of it. */
  readonly url: string
  readonly storage: ObjectStore
  stop(): Promise<void>
}

export async function startDisk(clock: Clock = systemClock): Promise<StartedDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'disk store '))
  const server = await startObjectStore({ folder, clock, ...ACCOUNT })
  const url = `disk://${encodeURI(folder)}?public=${encodeURIComponent(server.url)}`
  return {
    folder,
    server,
    url,
    storage: openDiskAt(url, clock),
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Another view of the same folder: it shares nothing in memory with the first. */
export function openDiskAt(url: string, clock: Clock = systemClock): ObjectStore {
  const credentials = () => ({ accessKeyId: ACCOUNT.accessKeyId, secretKey: secret(ACCOUNT.secretKey) })
  return openStorage({ at: readStorageUrl(url), credentials, clock })
}
