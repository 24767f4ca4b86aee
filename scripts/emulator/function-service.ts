import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FunctionSpec } from '#scripts/functions.ts'
import { admitted } from './admitted.ts'
import type { Bundle } from './bundle.ts'
import { BuildFailed, type Bundler } from './bundler.ts'
import type { Answer, Failure } from './cloud.ts'
import { CloudFailure } from './cloud-failure.ts'
import { answerAs, deliver } from './deliver.ts'
import { eventSender, type SendEvent } from './event-sender.ts'
import { forward, type Forwarded } from './forward.ts'
import { createFunctionTimer, type Fired } from './function-timer.ts'
import { createPool, type Lease, type Pool } from './pool.ts'
import { createInstances, type InstanceOptions, NotStarted } from './instances.ts'

export interface FunctionServiceOptions extends InstanceOptions {
  readonly bundler: Pick<Bundler, 'current'>
  readonly maxInstances: number
  readonly idleMs: number
  readonly clock: () => number
  /** Something that happened to the function, for whoever watches it. */
  readonly note: (text: string) => void
}

export interface FunctionService {
  readonly spec: FunctionSpec
  readonly pool: Pool
  /** Never rejects. */
  handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>
  /** Sends it its timer's event; `running` when the last one is still being worked on. @throws TypeError where it has none */
  fireTimer(): Promise<Fired | 'running'>
  readonly send: SendEvent
  /** The bundle of the sources as they are now; a running function's next process starts while it is built. */
  current(): Promise<Bundle>
  /** Ends every instance. */
  stop(): Promise<void>
}

/** What is noted where it happens. */
const TOLD: ReadonlySet<Failure> = new Set(['crashed', 'not_started', 'port_closed'])

interface Exchange {
  readonly requestId: string
  readonly clientIp: string
  readonly outgoing: ServerResponse
  readonly gone: AbortSignal
}

/** One function as its cloud runs it: limits before it, instances behind it, the cloud's answer where they fail. */
export function createFunctionService(options: FunctionServiceOptions): FunctionService {
  const { spec, cloud, bundler, note, clock } = options
  const instances = createInstances(options)
  const pool = createPool({
    concurrency: spec.concurrency,
    maxInstances: options.maxInstances,
    idleMs: options.idleMs,
    clock,
    start: (bundle) => instances.start(bundle),
    stop: (member) => instances.stop(member),
  })
  const send = eventSender({ spec, leased, crash })
  const timer = createFunctionTimer({ spec, cloud, clock, note, send })
  let served: Bundle | undefined

  async function current(): Promise<Bundle> {
    served = await bundler.current(() => {
      if (served !== undefined && pool.size() > 0) instances.prepare(served)
    })
    return served
  }

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const requestId = cloud.requestId(clock())
    const gone = new AbortController()
    outgoing.once('close', () => gone.abort())
    try {
      const call = await admitted(incoming, cloud)
      const clientIp = incoming.socket.remoteAddress ?? ''
      await answer(call, { requestId, clientIp, outgoing, gone: gone.signal })
    } catch (error) {
      const left = incoming.destroyed && !incoming.complete // in the middle of its upload
      if (!left) fail(error, requestId, outgoing)
    }
  }

  /** Tries again, once, what the cloud repeats when a process dies under a call. */
  async function answer(call: Forwarded, exchange: Exchange): Promise<void> {
    for (let retries = 0; ; retries++) {
      try {
        return await attempt(call, exchange, retries)
      } catch (error) {
        const died = error instanceof CloudFailure && error.failure === 'crashed'
        if (!died || retries > 0 || !cloud.retried.has(call.method) || exchange.outgoing.headersSent)
          throw error
      }
    }
  }

  async function attempt(call: Forwarded, exchange: Exchange, retries: number): Promise<void> {
    const lease = await leased()
    const late = AbortSignal.timeout(spec.timeoutS * 1_000)
    const signal = AbortSignal.any([late, exchange.gone])
    const { requestId, clientIp, outgoing } = exchange
    const own = Object.entries(cloud.requestHeaders(spec, { requestId, clientIp, retries })).flat()
    const { process } = lease.member
    try {
      const response = await forward(process.port, { ...call, headers: [...call.headers, ...own] }, signal)
      await deliver(response, outgoing, { cloud, requestId })
    } catch (error) {
      if (error instanceof CloudFailure) throw error
      if (late.aborted) throw new CloudFailure('timeout', process.port)
      if (exchange.gone.aborted) return
      throw await crash(lease)
    } finally {
      lease.release()
    }
  }

  /** A place in an instance of the sources as they are now. */
  async function leased(): Promise<Lease> {
    try {
      const lease = await pool.acquire(await current())
      if (lease !== undefined) return lease
    } catch (error) {
      if (!(error instanceof NotStarted)) throw error
      note(error.message)
      throw new CloudFailure(error.why === 'silent' ? 'port_closed' : 'not_started', error.port)
    }
    throw new CloudFailure('busy')
  }

  /** The connection broke: the process is ending, or useless if it is not. */
  async function crash({ member: { process } }: Lease): Promise<CloudFailure> {
    const killed = setTimeout(process.kill, 1_000)
    const how = await process.exited
    clearTimeout(killed)
    note(`${spec.name} crashed (${how})`) // what it wrote before has been shown
    return new CloudFailure('crashed', process.port)
  }

  function cloudsOwn({ status }: Answer, failure: Failure): string {
    return `${cloud.name.toUpperCase()} itself answered ${status}, ${failure.replaceAll('_', ' ')}`
  }

  function fail(error: unknown, requestId: string, outgoing: ServerResponse): void {
    if (error instanceof CloudFailure) {
      const facts = { requestId, spec, port: error.port }
      const answer = cloud.failure(error.failure, facts)
      // No function writes a line about a call that it never had, or that was ended above it.
      if (!TOLD.has(error.failure)) note(`${spec.name}: ${cloudsOwn(answer, error.failure)}`)
      answerAs(cloud, requestId, answer, outgoing)
      return
    }
    const body =
      error instanceof BuildFailed ? `${spec.name} does not build\n\n${error.message}\n` : String(error)
    if (!(error instanceof BuildFailed)) note(`${spec.name}: ${body}`)
    answerAs(
      cloud,
      requestId,
      { status: 500, headers: { 'content-type': 'text/plain; charset=utf-8' }, body },
      outgoing,
    )
  }

  async function stop(): Promise<void> {
    await Promise.all([pool.close(), instances.close()])
  }

  return { spec, pool, handle, send, fireTimer: () => timer.fire(), current, stop }
}
