import { randomBytes } from 'node:crypto'
import { join, relative } from 'node:path'
import { DISK_BUCKET, diskFolder } from '#shared/storage/storage-address.ts'
import type { Service, ServiceOptions } from './local-services.ts'

export interface StorageService extends Service {
  /** What the functions need to reach it. */
  readonly settings: Readonly<Record<string, string>>
}

/**
 * The object store: the bucket of STORAGE_URL, else a store of our own on this machine's disk. A folder that is served to
 * clients by nobody yet, `disk:///folder`, is served by that store; the functions use it directly.
 */
export async function objectStore({ root, folder, env }: ServiceOptions): Promise<StorageService> {
  const given = env['STORAGE_URL']
  const ownFolder = given === undefined ? undefined : unservedFolder(given)
  if (given !== undefined && ownFolder === undefined) {
    const about = `${given.replace(/\?.*/, '')} (STORAGE_URL)`
    return { url: undefined, about, settings: {}, stop: async () => {} }
  }
  const { startObjectStore } = await import('#scripts/emulator/object-store/start-object-store.ts')
  const accessKeyId = 'local'
  // New at every start: what was signed before is worth nothing then, and no key lies around.
  const secretKey = randomBytes(32).toString('base64url')
  const dir = ownFolder ?? join(folder, 'objects')
  const server = await startObjectStore({ folder: dir, ...DISK_BUCKET, accessKeyId, secretKey })
  const publicUrl = encodeURIComponent(server.url)
  const { bucket, region } = DISK_BUCKET
  return {
    url: server.url,
    about: `at ${server.url}, data in ${ownFolder ?? relative(root, dir)}`,
    settings: {
      STORAGE_URL:
        ownFolder === undefined
          ? `s3://${bucket}?region=${region}&public=${publicUrl}&style=path`
          : `${given}?public=${publicUrl}`,
      STORAGE_ACCESS_KEY_ID: accessKeyId,
      STORAGE_SECRET_KEY: secretKey,
    },
    stop: () => server.stop(),
  }
}

/** The folder of `disk:///folder` alone; with the `public` of another server it is used as it is. */
function unservedFolder(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'disk:' && url.search === '' ? diskFolder(url) : undefined
}
