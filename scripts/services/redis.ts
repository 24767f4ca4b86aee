import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { findExecutable } from './executables.ts'
import { keep, type Kept } from './keeper.ts'
import { freePort } from './free-port.ts'

/** A server on loopback. `stop` ends it; so does the end of this process, however it comes. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Settles when it has ended by itself or by `stop`. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

export interface RedisOptions {
  /** Where its files go; a temporary folder that `stop` removes unless given. */
  readonly dir?: string
  /** A free one unless given. */
  readonly port?: number
  readonly log?: (line: string) => void
  /** Further settings, as on its command line. */
  readonly settings?: Readonly<Record<string, string>>
}

const READY = 'Ready to accept connections'
const PORT_TAKEN = 'Could not create server TCP listening socket'
const MAX_STARTS = 5

/** Starts Redis or Valkey, whichever PATH holds, without persistence; undefined when there is neither. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer | undefined> {
  const command = findExecutable('valkey-server', 'redis-server')
  if (command === undefined) return undefined
  const dir = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'xiaohan-redis-')) : resolve(options.dir)
  mkdirSync(dir, { recursive: true, mode: 0o700 })

  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    const started = await startOnce(command, dir, port, options)
    if (typeof started === 'object') {
      return {
        url: `redis://127.0.0.1:${port}`,
        port,
        pid: started.pid,
        ended: started.ended,
        stop: () => stop(started),
      }
    }
    if (attempt === MAX_STARTS || options.port !== undefined || !started.includes(PORT_TAKEN)) {
      throw new Error(`Cannot start Redis:\n${started}`)
    }
  }

  async function stop(server: Kept): Promise<void> {
    await server.stop()
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true })
  }
}

/** The server once it accepts connections, or what it printed before it gave up. */
async function startOnce(
  command: string,
  dir: string,
  port: number,
  { log, settings = {} }: RedisOptions,
): Promise<Kept | string> {
  let ready = () => {}
  const isReady = new Promise<'ready'>((done) => (ready = () => done('ready')))
  const all = { bind: '127.0.0.1', port: String(port), dir, save: '', appendonly: 'no', ...settings }
  const server = await keep({
    command,
    args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
    stopSignal: 'TERM',
    log(line) {
      if (line.includes(READY)) ready()
      log?.(line)
    },
  })
  const outcome = await Promise.race([isReady, server.ended])
  return outcome === 'ready' ? server : server.output()
}
