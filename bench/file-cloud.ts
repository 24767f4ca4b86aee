import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildFunctions } from '#scripts/build/build-functions.ts'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'
import { FUNCTIONS } from '#scripts/functions.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { migrate } from '#scripts/migrate.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { startPostgres } from '#scripts/services/postgres.ts'
import { startRedis } from '#scripts/services/redis.ts'
import { type BenchUser, benchUsers } from './bench-users.ts'
import { type ServerProcess, startFunctionProcess, startServer } from './server-process.ts'

const root = dirname(import.meta.dirname)
const APP_ID = 'wx0000000000000000'

export const RUNTIMES = ['bun', 'node'] as const
export type Runtime = (typeof RUNTIMES)[number]

/**
 * `folder` is the function's own disk, `server` the local cloud's object store over HTTP; `null` answers in the same protocol
 * and keeps nothing.
 */
export type Store = 'folder' | 'server' | 'null'

/** What the upload function needs around it, each in a process of its own. */
export interface FileCloud {
  /** For whatever is to be gone afterwards. */
  readonly folder: string
  /** The settings with which a program reaches a store. */
  storage(store: Store): Readonly<Record<string, string>>
  /** The built upload function, on the platform `local`. */
  startUpload(
    runtime: Runtime,
    store: Store,
    settings?: Readonly<Record<string, string>>,
  ): Promise<ServerProcess>
  /** A program of this folder. */
  startPeer(runtime: Runtime, args: readonly string[]): Promise<ServerProcess>
  users(count: number): Promise<readonly BenchUser[]>
  stop(): Promise<void>
}

export async function startFileCloud(): Promise<FileCloud> {
  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-files-'))
  const [postgres, redis] = await Promise.all([
    startPostgres({ dataDir: join(folder, 'postgres') }),
    startRedis(),
  ])
  if (redis === undefined) throw new TypeError('The benches of files need redis-server')
  const outDir = join(folder, 'dist')
  const functions = FUNCTIONS.filter(({ name }) => name === 'upload')
  await migrate({ url: new URL(postgres.url) })
  await buildFunctions({ root, functionsDir: join(root, 'functions'), outDir, functions })
  const started: ServerProcess[] = []
  const secretKey = 'a-secret-of-forty-characters-or-of-more.'
  const stores = {
    server: await startPeer('node', ['local-store-server.ts', join(folder, 'objects'), secretKey]),
    null: await startPeer('node', ['null-store-server.ts']),
  }
  const secrets = generateSecrets()
  const env = {
    ...secrets,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    WECHAT_APP_ID: APP_ID,
    WECHAT_APP_SECRET: secretKey,
    LOG_LEVEL: 'warn',
    RATE_LIMIT_FACTOR: '10000',
    FILES_QUOTA_MB: '1000000',
    FILES_QUOTA_COUNT: '1000000',
  }

  /** Whatever goes wrong in a bench, its servers end with the cloud. */
  async function kept(starting: Promise<ServerProcess>): Promise<ServerProcess> {
    const server = await starting
    started.push(server)
    return server
  }

  function startPeer(runtime: Runtime, [file = '', ...args]: readonly string[]): Promise<ServerProcess> {
    const program = join(import.meta.dirname, file)
    return kept(startServer({ executable: runtimeExecutable(runtime, root), args: [program, ...args] }))
  }

  function storage(store: Store) {
    const at = encodeURIComponent(stores[store === 'folder' ? 'server' : store].url)
    const url =
      store === 'folder'
        ? `disk://${join(folder, 'own-objects')}?public=${at}`
        : `s3://bench?region=local&public=${at}&style=path`
    return {
      STORAGE_URL: url,
      STORAGE_ACCESS_KEY_ID: 'bench',
      STORAGE_SECRET_KEY: secretKey,
    }
  }

  return {
    folder,
    storage,
    startPeer,
    async startUpload(runtime, store, settings = {}) {
      const executable = runtimeExecutable(runtime, root)
      const program = { executable, args: [join(outDir, 'upload', 'index.mjs')] }
      return kept(
        startFunctionProcess(
          { ...program, env: { ...env, ...storage(store), ...settings } },
          await freePort(),
        ),
      )
    },
    users: (count) => benchUsers({ databaseUrl: new URL(postgres.url), appId: APP_ID, secrets, count }),
    async stop() {
      for (const server of started) server.stop()
      await Promise.all([postgres.stop(), redis.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
