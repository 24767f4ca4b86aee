import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { keep, NOBODY, type Kept } from './keeper.ts'
import { freePort } from './free-port.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import { own, settleDataFolder } from './data-folder.ts'
import { clearStaleLock } from './postgres-lock.ts'

/** A server on loopback. `stop` ends it; so does the end of this process, however it comes. */
export interface PostgresServer {
  /** For the superuser and the database `postgres`, password included. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Settles when it has ended by itself or by `stop`. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

export interface PostgresOptions {
  /** Kept between starts; made on the first. */
  readonly dataDir: string
  /** A free one unless given. */
  readonly port?: number
  readonly log?: (line: string) => void
  /** Further settings, such as `{ max_connections: '50' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

// For data that a developer can make again: nothing waits for the disk, so pulling the plug may cost data. Commits do
// reach the kernel, so killing the server does not. No Unix sockets, because their path may be
// too long and the folder may not be writable.
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '16MB',
  max_wal_size: '256MB',
  autovacuum_naptime: '5min',
  log_min_messages: 'warning',
  lc_messages: 'C',
}

const READY = 'database system is ready to accept connections'
const PORT_TAKEN = 'could not bind IPv4 address'
const STILL_CLOSING = 'pre-existing shared memory block'
const MAX_STARTS = 20
const RESTART_PAUSE_MS = 100
const INIT_TIMEOUT_MS = 60_000

/**
 * Starts PostgreSQL on loopback with a data folder of its own, and makes that folder first where there is none.
 *
 * @throws Error when another live process uses the folder, or when there is no PostgreSQL for this machine.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const bin = postgresBinaries()
  const folder = settleDataFolder(resolve(options.dataDir))
  const cluster = join(folder, 'data')
  if (!existsSync(cluster)) await initialise(bin, folder, cluster)
  clearStaleLock(cluster)

  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    const started = await startOnce(bin, cluster, port, options)
    if (typeof started === 'object') {
      const password = readFileSync(join(folder, 'password'), 'utf8')
      const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
      return { url, port, pid: started.pid, ended: started.ended, stop: () => started.stop() }
    }
    const lostRace = started.includes(PORT_TAKEN) && options.port === undefined
    if (attempt === MAX_STARTS || !(lostRace || started.includes(STILL_CLOSING))) {
      throw new Error(`Cannot start PostgreSQL:\n${started}`)
    }
    await new Promise((done) => setTimeout(done, RESTART_PAUSE_MS))
  }
}

/** The server once it accepts connections, or what it printed before it gave up. */
async function startOnce(
  bin: string,
  cluster: string,
  port: number,
  { log, settings }: PostgresOptions,
): Promise<Kept | string> {
  let ready = () => {}
  const isReady = new Promise<'ready'>((done) => (ready = () => done('ready')))
  const all = { ...SETTINGS, ...ioMethod(cluster), port: String(port), ...settings }
  const server = await keep({
    command: join(bin, 'postgres'),
    args: ['-D', cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    stopSignal: 'INT', // Fast shutdown; TERM would wait for every client to leave.
    account: NOBODY,
    cwd: '/',
    log(line) {
      if (line.includes(READY)) ready()
      log?.(line)
    },
  })
  const outcome = await Promise.race([isReady, server.ended])
  return outcome === 'ready' ? server : server.output()
}

/** Worker processes for reading are of no use here and cost memory; the setting came with version 18. */
function ioMethod(cluster: string): Readonly<Record<string, string>> {
  const version = Number(readFileSync(join(cluster, 'PG_VERSION'), 'utf8'))
  return version >= 18 ? { io_method: 'sync' } : {}
}

/** Makes a cluster whose superuser has a random password: on a shared machine loopback is open to every account. */
async function initialise(bin: string, folder: string, cluster: string): Promise<void> {
  const passwordFile = join(folder, 'password')
  const draft = join(folder, 'draft')
  rmSync(draft, { recursive: true, force: true })
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
  own(passwordFile)
  const args = ['-D', draft, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile]
  const rest = ['-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions', '--wal-segsize=1']
  await promisify(execFile)(join(bin, 'initdb'), [...args, ...rest], {
    cwd: '/',
    timeout: INIT_TIMEOUT_MS,
    ...NOBODY,
  }).catch((error: unknown) => {
    throw new Error(
      'Cannot make a data folder for PostgreSQL: initdb failed. DATABASE_URL may name a database instead.',
      {
        cause: error,
      },
    )
  })
  // Only a finished cluster gets the name; one that was cut short is made anew.
  renameSync(draft, cluster)
}
