import { randomBytes } from 'node:crypto'
import { join, relative } from 'node:path'
import type { Service, ServiceOptions } from './local-services.ts'

const BUCKET = 'xiaohan'
const REGION = 'local'

export interface StorageService extends Service {
  /** What the functions need to reach it. */
  readonly settings: Readonly<Record<string, string>>
}

/** The object store: the bucket of STORAGE_URL, else a store of our own on this machine's disk. */
export async function objectStore({ root, folder, env }: ServiceOptions): Promise<StorageService> {
  const given = env['STORAGE_URL']
  if (given !== undefined) {
    const about = `${given.replace(/\?.*/, '')} (STORAGE_URL)`
    return { url: undefined, about, settings: {}, stop: async () => {} }
  }
  const { startObjectStore } = await import('#scripts/emulator/object-store/start-object-store.ts')
  const accessKeyId = 'local'
  // New at every start: what was signed before is worth nothing then, and no key lies around.
  const secretKey = randomBytes(32).toString('base64url')
  const dir = join(folder, 'objects')
  const server = await startObjectStore({
    folder: dir,
    bucket: BUCKET,
    region: REGION,
    accessKeyId,
    secretKey,
  })
  return {
    url: server.url,
    about: `at ${server.url}, data in ${relative(root, dir)}`,
    settings: {
      STORAGE_URL: `s3://${BUCKET}?region=${REGION}&public=${encodeURIComponent(server.url)}&style=path`,
      STORAGE_ACCESS_KEY_ID: accessKeyId,
      STORAGE_SECRET_KEY: secretKey,
    },
    stop: () => server.stop(),
  }
}
