import type { App } from '#shared/http/app.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { booted } from './boot.ts'
import type { Contract } from './contract.ts'
import { fc } from './fc.ts'
import { createInstance, type Instance } from './instance.ts'
import { knative } from './knative.ts'
import { local } from './local.ts'
import { scf } from './scf.ts'

const DRAIN_MS = 4_000
const CLOSE_MS = 1_000

/** Names and values of the process environment. */
type Env = Readonly<Record<string, string | undefined>>

export interface ListenOptions {
  readonly instance: Instance
  readonly hostname: string
  readonly port: number
}

/** What an adaptor returns. */
export interface Server {
  readonly port: number
  /** Takes no new connection; resolves when those with a request in flight are done. */
  stop(): Promise<void>
}

/**
 * Serves an app until the process is told to end: on Bun or Node, whichever runs it, under the contract of the
 * platform whose variables are in `env`. This is what the build's generated entries call.
 */
export async function serve(app: App, env: Env): Promise<void> {
  const logger = createLogger({ fields: { function: app.name } })
  const print = (line: string) => void process.stdout.write(`${line}\n`)
  const isEventFunction = env['FUNCTION_TYPE'] === 'event'
  const instance = createInstance(app, { contract: contractOf(env), isEventFunction, logger, print })
  // Only the adaptor of the runtime at hand is evaluated: the other one would cost its imports at every cold start.
  const { listen } = 'Bun' in globalThis ? await import('./bun.ts') : await import('./node.ts')
  const server = await listen({ instance, hostname: env['HOST'] ?? '0.0.0.0', port: portOf(env) })
  booted()
  const end = () => void shutDown(instance, server)
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
}

function contractOf(env: Env): Contract {
  if (env['FC_FUNCTION_NAME'] !== undefined || env['FC_SERVER_PORT'] !== undefined) return fc
  if (env['TENCENTCLOUD_RUNENV'] === 'SCF') return scf
  return env['K_SERVICE'] === undefined ? local : knative
}

function portOf(env: Env): number {
  return Number(env['FC_SERVER_PORT'] ?? env['FC_CUSTOM_LISTEN_PORT'] ?? env['PORT'] ?? 9000)
}

async function shutDown(instance: Instance, server: Server): Promise<void> {
  await Promise.race([Promise.all([server.stop(), instance.drain()]), after(DRAIN_MS)])
  // What is still in flight is told to end, and has a moment to answer so.
  await Promise.race([Promise.all([instance.close(), instance.drain()]), after(CLOSE_MS)])
  process.exit(0)
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
