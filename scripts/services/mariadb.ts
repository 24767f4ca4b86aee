import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { own, settleDataFolder } from './data-folder.ts'
import { findExecutable } from './executables.ts'
import { freePort } from './free-port.ts'
import { keep, NOBODY, type Kept } from './keeper.ts'

/** A server on loopback. `stop` ends it; so does the end of this process, however it comes. */
export interface MariadbServer {
  /** For an account with every right and the database `xiaohan`, password included. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Settles when it has ended by itself or by `stop`. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

export interface MariadbOptions {
  /** Kept between starts; made on the first. */
  readonly dataDir: string
  /** A free one unless given. */
  readonly port?: number
  readonly log?: (line: string) => void
}

const READY = 'ready for connections'
const PORT_TAKEN = "Can't start server: Bind on TCP/IP port"
const SYSTEM_TABLES = [
  'mysql_system_tables.sql',
  'mysql_performance_tables.sql',
  'mysql_system_tables_data.sql',
] as const
// For data that can be made again: nothing waits for the disk.
const FAST = [
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-flush-method=nosync',
  '--innodb-buffer-pool-size=16M',
  '--innodb-log-file-size=8M',
  '--performance-schema=off',
]
const MAX_STARTS = 5
const INSTALL_TIMEOUT_MS = 60_000

/** Starts the MariaDB that PATH holds; undefined when there is none. */
export async function startMariadb(options: MariadbOptions): Promise<MariadbServer | undefined> {
  const command = findExecutable('mariadbd')
  const share = command === undefined ? undefined : shareFolder(command)
  if (command === undefined || share === undefined) return undefined
  const folder = settleDataFolder(resolve(options.dataDir))
  if (!existsSync(join(folder, 'data'))) await initialise(command, share, folder)

  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    const started = await startOnce(command, folder, port, options)
    if (typeof started === 'object') {
      const password = readFileSync(join(folder, 'password'), 'utf8')
      const url = `mysql://xiaohan:${password}@127.0.0.1:${port}/xiaohan`
      return { url, port, pid: started.pid, ended: started.ended, stop: () => started.stop() }
    }
    if (attempt === MAX_STARTS || options.port !== undefined || !started.includes(PORT_TAKEN)) {
      throw new Error(`Cannot start MariaDB:\n${started}`)
    }
  }
}

/** The server once it accepts connections, or what it printed before it gave up. */
async function startOnce(
  command: string,
  folder: string,
  port: number,
  { log }: MariadbOptions,
): Promise<Kept | string> {
  let ready = () => {}
  const isReady = new Promise<'ready'>((done) => (ready = () => done('ready')))
  const server = await keep({
    command,
    args: [
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      `--socket=${join(folder, 'socket')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--init-file=${join(folder, 'init.sql')}`,
      '--skip-name-resolve',
      '--character-set-server=utf8mb4',
      ...FAST,
    ],
    stopSignal: 'TERM',
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

/** Makes a data folder with one account that has a random password: loopback is open to every account here. */
async function initialise(command: string, share: string, folder: string): Promise<void> {
  const draft = join(folder, 'draft')
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  own(draft)
  const password = randomBytes(24).toString('base64url')
  writeFileSync(join(folder, 'password'), password, { mode: 0o600 })
  const statements = [
    `alter user root@localhost identified by '${password}'`,
    `create user if not exists xiaohan@127.0.0.1 identified by '${password}'`,
    'grant all on *.* to xiaohan@127.0.0.1 with grant option',
    'create database if not exists xiaohan character set utf8mb4 collate utf8mb4_bin',
  ]
  writeFileSync(join(folder, 'init.sql'), `${statements.join(';\n')};\n`, { mode: 0o600 })
  own(join(folder, 'init.sql'))
  await bootstrap(command, share, draft)
  // Only a finished folder gets the name; one that was cut short is made anew.
  renameSync(draft, join(folder, 'data'))
}

/** What mariadb-install-db does, without the help texts, a shell and the client package it needs: 0.4 s, not 1.7 s. */
async function bootstrap(command: string, share: string, folder: string): Promise<void> {
  const tables = SYSTEM_TABLES.map((name) => readFileSync(join(share, name), 'utf8'))
  const args = ['--no-defaults', '--bootstrap', `--datadir=${folder}`, `--lc-messages-dir=${share}`, ...FAST]
  const server = spawn(command, args, {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: INSTALL_TIMEOUT_MS,
    ...NOBODY,
  })
  const output = text(server.stderr)
  server.stdin.on('error', () => {}) // it ended before it read everything: its exit code tells
  server.stdin.end(['create database mysql;', 'use mysql;', ...tables].join('\n'))
  const [code] = await once(server, 'close')
  if (code !== 0) throw new Error(`Cannot make a data folder for MariaDB:\n${await output}`)
}

/** Where the server's SQL files are: beside the folder that its program, links followed, stands in. */
function shareFolder(command: string): string | undefined {
  const prefix = dirname(dirname(realpathSync(command)))
  return ['share/mysql', 'share/mariadb', 'share']
    .map((folder) => join(prefix, folder))
    .find((folder) => existsSync(join(folder, SYSTEM_TABLES[0])))
}
