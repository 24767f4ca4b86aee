import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { own, settleDataFolder } from './data-folder.ts'
import { findExecutable } from './executables.ts'
import { freePort } from './free-port.ts'
import { keep, NOBODY, type Kept } from './keeper.ts'

/** A scanner on loopback. `stop` ends it; so does the end of this process, however it comes. */
export interface ClamdServer {
  /** `tcp://…` and `unix://…`: the same server. */
  readonly urls: { readonly tcp: string; readonly unix: string }
  readonly pid: number
  /** Settles when it has ended by itself or by `stop`. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

export interface ClamdOptions {
  /** Signatures by name, each the hexadecimal bytes that it finds; clamd does not start without one. */
  readonly signatures: Readonly<Record<string, string>>
  /** Further lines of its configuration. */
  readonly settings?: Readonly<Record<string, string>>
  readonly log?: (line: string) => void
}

const READY = 'Self checking'
const PORT_TAKEN = 'TCP: Cannot bind'
const MAX_STARTS = 5

/** Starts clamd with these signatures alone, so that nothing is downloaded; undefined where it is not installed. */
export async function startClamd(options: ClamdOptions): Promise<ClamdServer | undefined> {
  const command = findExecutable('clamd')
  if (command === undefined) return undefined
  const parent = mkdtempSync(join(tmpdir(), 'xiaohan-clamd-'))
  chmodSync(parent, 0o755) // For the account that the server runs under.
  const folder = settleDataFolder(join(parent, 'data'))

  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    const started = await startOnce(command, folder, port, options)
    if (typeof started === 'object') {
      const urls = { tcp: `tcp://127.0.0.1:${port}`, unix: `unix://${folder}/clamd.sock` }
      return { urls, pid: started.pid, ended: started.ended, stop: () => stop(started) }
    }
    if (attempt === MAX_STARTS || !started.includes(PORT_TAKEN)) {
      throw new Error(`Cannot start clamd:\n${started}`)
    }
  }

  async function stop(server: Kept): Promise<void> {
    await server.stop()
    for (const used of [folder, parent]) rmSync(used, { recursive: true, force: true })
  }
}

/** The server once it listens, or what it printed before it gave up. */
async function startOnce(
  command: string,
  folder: string,
  port: number,
  { signatures, settings = {}, log }: ClamdOptions,
): Promise<Kept | string> {
  let ready = () => {}
  const isReady = new Promise<'ready'>((done) => (ready = () => done('ready')))
  const config = {
    Foreground: 'yes',
    DatabaseDirectory: folder,
    TemporaryDirectory: folder,
    LocalSocket: join(folder, 'clamd.sock'),
    TCPAddr: '127.0.0.1',
    TCPSocket: String(port),
    MaxThreads: '4',
    ...settings,
  }
  const configFile = join(folder, 'clamd.conf')
  write(configFile, Object.entries(config), ' ')
  // Any file type, anywhere in it.
  write(
    join(folder, 'own.ndb'),
    Object.entries(signatures).map(([name, bytes]) => [name, `0:*:${bytes}`] as const),
    ':',
  )
  const server = await keep({
    command,
    args: [`--config-file=${configFile}`],
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

function write(file: string, pairs: readonly (readonly [string, string])[], separator: string): void {
  writeFileSync(file, pairs.map(([name, value]) => `${name}${separator}${value}\n`).join(''))
  own(file)
}
