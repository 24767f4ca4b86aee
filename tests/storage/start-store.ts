import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalObjectStore, startObjectStore } from '#scripts/emulator/object-store/start-object-store.ts'
import type { Clock } from '#shared/clock.ts'
import { secret } from '#shared/secret.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'
import type { StoreLimits } from '#shared/storage/store-call.ts'
import { keptBytes } from './kept-bytes.ts'

export const BUCKET = 'album-1250000000'
export const REGION = 'ap-guangzhou'
export const ACCESS_KEY_ID = 'AKIDlocal0000000000'
export const SECRET_KEY = 'local-secret-key-of-the-tests-0000'

/** How a bucket is opened: a protocol at one of the local store's addresses. */
export interface Flavour {
  readonly scheme: 's3' | 'cos' | 'oss'
  /** `path`: by IP, the bucket first in the path. `host`: by name, which stands for the bucket. */
  readonly style: 'path' | 'host'
}

export const FLAVOURS: readonly Flavour[] = (['s3', 'cos', 'oss'] as const).flatMap((scheme) =>
  (['path', 'host'] as const).map((style) => ({ scheme, style })),
)

export interface StartedStore {
  readonly server: LocalObjectStore
  readonly port: string
  open(flavour: Flavour, options?: OpenOptions): ObjectStore
  /** Files of objects and parts in the folder. */
  files(): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface OpenOptions {
  readonly accessKeyId?: string
  readonly secretKey?: string
  readonly sessionToken?: string
  readonly clock?: Clock
  readonly limits?: StoreLimits
}

export async function startStore(options: { readonly sessionToken?: string } = {}): Promise<StartedStore> {
  const folder = await mkdtemp(join(tmpdir(), 'object-store-'))
  const account = { accessKeyId: ACCESS_KEY_ID, secretKey: SECRET_KEY, region: REGION, ...options }
  const server = await startObjectStore({ folder, bucket: BUCKET, ...account })
  const { port } = new URL(server.url)

  return {
    server,
    port,
    open: (flavour, how = {}) =>
      openStorage({ at: readStorageUrl(storageUrl(flavour, port)), ...credentialsOf(how), ...how }),
    files: () => keptBytes(folder),
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

export function storageUrl({ scheme, style }: Flavour, port: string): string {
  const origin = encodeURIComponent(`http://${style === 'path' ? '127.0.0.1' : 'localhost'}:${port}`)
  return `${scheme}://${BUCKET}?region=${REGION}&public=${origin}&internal=${origin}&style=${style}`
}

function credentialsOf({ accessKeyId = ACCESS_KEY_ID, secretKey = SECRET_KEY, sessionToken }: OpenOptions) {
  const token = sessionToken === undefined ? {} : { sessionToken: secret(sessionToken) }
  return { credentials: () => ({ accessKeyId, secretKey: secret(secretKey), ...token }) }
}
