import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { startPostgres } from '#scripts/services/postgres.ts'
import { startRedis } from '#scripts/services/redis.ts'
import { supervised } from './supervised.ts'

/** Something this program started, or was told of. */
export interface Service {
  /** For the functions; undefined when there is none. */
  readonly url: string | undefined
  /** For people: what it is and where its data lies. */
  readonly about: string
  stop(): Promise<void>
}

export interface ServiceOptions {
  readonly root: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly log: (line: string) => void
  /** Takes what a person should know. */
  readonly note: (text: string) => void
}

/** The database: the one of DATABASE_URL, else PostgreSQL of our own with its schema brought up to date. */
export async function database({ root, folder, env, log, note }: ServiceOptions): Promise<Service> {
  const given = env['DATABASE_URL']
  if (given !== undefined) {
    await tellPending(given, note)
    return { url: given, about: `${withoutPassword(given)} (DATABASE_URL)`, stop: async () => {} }
  }
  const dataDir = join(folder, 'postgres')
  const server = await startPostgres({ dataDir, log })
  await migrateOnce(server.url, root, folder)
  return {
    url: server.url,
    about: `PostgreSQL, embedded, data in ${relative(root, dataDir)}`,
    ...supervised(server, {
      name: 'PostgreSQL',
      again: () => startPostgres({ dataDir, port: server.port, log }),
      told: note,
      logFile: logFile(root, folder),
    }),
  }
}

/** A database of someone's own is never changed without being asked to. */
async function tellPending(url: string, note: (text: string) => void): Promise<void> {
  if (!URL.canParse(url)) return // the functions say what is wrong with it
  try {
    const { migrationStatus } = await import('#scripts/migrate.ts')
    const pending = (await migrationStatus({ url: new URL(url) })).filter(({ isApplied }) => !isApplied)
    if (pending.length > 0)
      note(`The database of DATABASE_URL lacks ${pending.length} schema steps: run npm run migrate`)
  } catch (error) {
    note(`Cannot look at the database of DATABASE_URL: ${innermost(error)}`)
  }
}

function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : innermost(error.cause)
}

/** The state store: the one of REDIS_URL, else Redis where it is installed, else none: the database serves. */
export async function stateStore({ root, folder, env, log, note }: ServiceOptions): Promise<Service> {
  const given = env['REDIS_URL']
  if (given !== undefined)
    return { url: given, about: `${withoutPassword(given)} (REDIS_URL)`, stop: async () => {} }
  const dir = join(folder, 'redis')
  const server = await startRedis({ dir, log })
  if (server === undefined)
    return { url: undefined, about: 'in PostgreSQL (no redis-server on PATH)', stop: async () => {} }
  const again = async () => {
    const next = await startRedis({ dir, port: server.port, log })
    if (next === undefined) throw new Error('Cannot start Redis again: it is no longer on PATH')
    return next
  }
  return {
    url: server.url,
    about: 'Redis, embedded',
    ...supervised(server, { name: 'Redis', again, told: note, logFile: logFile(root, folder) }),
  }
}

/** Where a person finds what the servers said. */
function logFile(root: string, folder: string): string {
  return relative(root, join(folder, 'servers.log'))
}

/** Loading the migrations costs more than all the rest of a start, so their text says whether they are needed. */
async function migrateOnce(url: string, root: string, folder: string): Promise<void> {
  const hash = createHash('sha256')
  for (const file of globSync('shared/db/migrations/*.ts', { cwd: root }).sort())
    hash.update(readFileSync(join(root, file)))
  const stamp = hash.digest('hex')
  const file = join(folder, 'postgres', 'migrated')
  if (existsSync(file) && readFileSync(file, 'utf8') === stamp) return
  const { migrate } = await import('#scripts/migrate.ts')
  await migrate({ url: new URL(url) })
  writeFileSync(file, stamp)
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return 'as given'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}
