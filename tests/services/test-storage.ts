import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalObjectStore, startObjectStore } from '#scripts/emulator/object-store/start-object-store.ts'
import type { Clock } from '#shared/clock.ts'
import { secret } from '#shared/secret.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'
import { startDisk } from '#tests/storage/start-disk.ts'

const ACCOUNT = { accessKeyId: 'local', secretKey: 'local-secret-key-of-the-tests-0000', region: 'local' }

/** Whose protocol a bucket speaks; `disk` is the folder itself. */
export type Vendor = 's3' | 'cos' | 'oss' | 'disk'

/** A bucket of a test's own in the local object store. */
export interface TestStorage {
  readonly storage: ObjectStore
  readonly server: LocalObjectStore
  stop(): Promise<void>
}

export async function testStorage(clock: Clock, vendor: Vendor): Promise<TestStorage> {
  if (vendor === 'disk') return startDisk(clock)
  const folder = await mkdtemp(join(tmpdir(), 'files-'))
  const server = await startObjectStore({ folder, bucket: 'album', clock, ...ACCOUNT })
  const url = `${vendor}://album?region=local&public=${encodeURIComponent(server.url)}&style=path`
  const credentials = { accessKeyId: ACCOUNT.accessKeyId, secretKey: secret(ACCOUNT.secretKey) }
  return {
    storage: openStorage({ at: readStorageUrl(url), credentials: () => credentials, clock }),
    server,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** A bucket for suites that touch no file: nothing listens there. */
export function absentStorage(): ObjectStore {
  const credentials = { accessKeyId: ACCOUNT.accessKeyId, secretKey: secret(ACCOUNT.secretKey) }
  return openStorage({
    at: readStorageUrl('s3://none?region=none&public=http://127.0.0.1:1&style=path'),
    credentials: () => credentials,
  })
}
