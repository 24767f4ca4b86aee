import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { FunctionSpec } from '#scripts/functions.ts'
import { freePort } from '#scripts/services/free-port.ts'
import type { Bundle } from './bundle.ts'
import type { Cloud } from './cloud.ts'
import { forward } from './forward.ts'
import { type FunctionProcess, startFunctionProcess } from './function-process.ts'
import type { Member } from './pool.ts'
import { createSpareProcess } from './spare-process.ts'

const HOOK_TIMEOUT_MS = 10_000

/** The process ended, or never listened, before its first call. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted'
  readonly why: 'exited' | 'silent'
  readonly port: number
  constructor(why: 'exited' | 'silent', port: number, message: string) {
    super(message)
    this.why = why
    this.port = port
  }
}

export interface InstanceOptions {
  readonly spec: FunctionSpec
  readonly cloud: Cloud
  /** The executable that runs bundles. */
  readonly runtime: string
  /** What a function finds in its environment besides the cloud's own variables. */
  readonly env: Readonly<Record<string, string>>
  readonly startMs: number
  readonly line: (line: string) => void
}

/** A function's processes under a cloud's contract. */
export interface Instances {
  /** The caller waits on `ready`. */
  start(bundle: Bundle): Promise<Member>
  /** Starts the process of the bundle that will replace `bundle`. */
  prepare(bundle: Bundle): void
  /** Ends an instance as its cloud does. */
  stop(member: Member): Promise<void>
  /** Ends the process that was prepared and not used. */
  close(): Promise<void>
}

export function createInstances(options: InstanceOptions): Instances {
  const { spec, cloud, runtime, env, startMs, line } = options
  const spare = createSpareProcess()

  async function launch({ file, modules }: Bundle): Promise<FunctionProcess> {
    const port = await freePort()
    return startFunctionProcess({
      command: [runtime, join(import.meta.dirname, 'host.mjs'), dirname(file), ...modules],
      env: { ...env, ...cloud.env(spec, port, `c-${randomUUID()}`), HOST: '127.0.0.1' },
      port,
      line,
    })
  }

  async function start(bundle: Bundle): Promise<Member> {
    const process = (await spare.take()) ?? (await launch({ ...bundle, modules: [] }))
    process.say(bundle.file)
    const ready = becomeReady(process)
    ready.catch(() => {}) // told to whoever waits for it
    return { bundle, process, ready }
  }

  async function becomeReady(process: FunctionProcess): Promise<void> {
    const outcome = await process.listening(startMs)
    if (outcome !== 'up') {
      process.kill()
      const how = outcome === 'silent' ? 'it did not listen on its port' : await process.exited
      throw new NotStarted(outcome, process.port, `${spec.name} did not start: ${how}`)
    }
    if (cloud.hooks) await callHook(process, 'POST', '/initialize')
  }

  async function stop({ process }: Member): Promise<void> {
    if (cloud.hooks && process.alive()) await callHook(process, 'GET', '/pre-stop')
    await process.stop()
  }

  /** A hook that fails is the function's to log; the cloud goes on. */
  async function callHook({ port }: FunctionProcess, method: string, target: string): Promise<void> {
    const headers = Object.entries(cloud.hookHeaders(spec, cloud.requestId(Date.now()), target)).flat()
    const call = { method, target, headers: ['host', `127.0.0.1:${port}`, ...headers], body: Buffer.alloc(0) }
    const answer = await forward(port, call, AbortSignal.timeout(HOOK_TIMEOUT_MS)).catch(() => undefined)
    answer?.resume()
  }

  /** A process that waits for its bundle has the time to load what the bundle's first request will ask for. */
  function prepare(bundle: Bundle): void {
    const drivers = join(dirname(dirname(bundle.file)), 'drivers')
    const likely = likelyDrivers(env).map((name) => join(drivers, `${name}.mjs`))
    spare.prepare(() => launch({ ...bundle, modules: [...bundle.modules, ...likely] }))
  }

  return { start, prepare, stop, close: () => spare.stop() }
}

/** The drivers that a deployment with these settings loads. */
function likelyDrivers(env: Readonly<Record<string, string>>): readonly string[] {
  const isMysql = /^(?:mysql|mariadb):/.test(env['DATABASE_URL'] ?? '')
  return ['kysely', isMysql ? 'mysql2' : 'pg', ...(env['REDIS_URL'] === undefined ? [] : ['ioredis'])]
}
