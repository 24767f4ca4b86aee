import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FunctionSpec } from '#scripts/functions.ts'
import type { Bundle } from './bundle.ts'
import type { Cloud } from './cloud.ts'
import { forward } from './forward.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { type FunctionProcess, startFunctionProcess } from './function-process.ts'
import type { Member } from './pool.ts'

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

/** Starts an instance under a cloud's contract; the caller waits on `ready`. */
export async function startInstance(bundle: Bundle, options: InstanceOptions): Promise<Member> {
  const { spec, cloud, runtime, env, startMs, line } = options
  const port = await freePort()
  const process = startFunctionProcess({
    command: [runtime, join(import.meta.dirname, 'host.mjs'), bundle.file],
    env: { ...env, ...cloud.env(spec, port, `c-${randomUUID()}`), HOST: '127.0.0.1' },
    port,
    startMs,
    line,
  })
  const ready = becomeReady(process, options)
  ready.catch(() => {}) // told to whoever waits for it
  return { bundle, process, ready }
}

async function becomeReady(process: FunctionProcess, { spec, cloud }: InstanceOptions): Promise<void> {
  const outcome = await process.started
  if (outcome !== 'up') {
    process.kill()
    const how = outcome === 'silent' ? 'it did not listen on its port' : await process.exited
    throw new NotStarted(
      outcome,
      process.port,
      [`${spec.name} did not start: ${how}`, ...process.tail()].join('\n  '),
    )
  }
  if (cloud.hooks) await callHook(process, 'POST', '/initialize', { spec, cloud })
}

/** Ends an instance as its cloud does. */
export async function stopInstance(
  { process }: Member,
  options: Pick<InstanceOptions, 'spec' | 'cloud'>,
): Promise<void> {
  if (options.cloud.hooks && process.alive()) await callHook(process, 'GET', '/pre-stop', options)
  await process.stop()
}

/** A hook that fails is the function's to log; the cloud goes on. */
async function callHook(
  { port }: FunctionProcess,
  method: string,
  target: string,
  { spec, cloud }: Pick<InstanceOptions, 'spec' | 'cloud'>,
): Promise<void> {
  const headers = Object.entries(cloud.hookHeaders(spec, cloud.requestId(Date.now()), target)).flat()
  const call = { method, target, headers: ['host', `127.0.0.1:${port}`, ...headers], body: Buffer.alloc(0) }
  const answer = await forward(port, call, AbortSignal.timeout(HOOK_TIMEOUT_MS)).catch(() => undefined)
  answer?.resume()
}
