import type { App } from '#shared/http/app.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { Call, Contract, Hook } from './contract.ts'
import { crashed } from './crashed.ts'
import { httpEvent, integratedAnswer } from './http-event.ts'
import { openInvocation, type OpenInvocation } from './open-invocation.ts'
import { withoutPlatformHeaders } from './without-platform-headers.ts'

const WARM_TIMEOUT_MS = 10_000

/** One running copy of a function: what an adaptor calls for each request, and what ends it. */
export interface Instance {
  /** Never rejects. `peer` is the address of the socket's other end. */
  handle(request: Request, peer: string): Promise<Response>
  /** Answers readiness with 503 from now on, and resolves once nothing is in flight any more. */
  drain(): Promise<void>
  /** Ends the signal of whatever is still in flight, then closes the app's connections. */
  close(): Promise<void>
}

export interface InstanceOptions {
  readonly contract: Contract
  /** Deployed as an event function: clients reach it through events only, if at all. */
  readonly isEventFunction: boolean
  readonly logger: Logger
  /** Takes one line of the platform's own log format. */
  readonly print: (line: string) => void
}

type Work = Hook | 'request'

/** Binds an app to a platform's contract. */
export function createInstance(
  app: App,
  { contract, isEventFunction, logger, print }: InstanceOptions,
): Instance {
  const takesEvents = app.event !== undefined || isEventFunction || contract.vouchesForEvents
  const stop = new AbortController()
  const inFlight = new Set<Promise<unknown>>()
  let draining = false

  async function handle(request: Request, peer: string): Promise<Response> {
    const { pathname } = new URL(request.url)
    const health = healthStatus(request.method, pathname, draining)
    if (health !== undefined) return new Response(null, { status: health })
    const call = contract.call(request.headers, peer)
    const work = workOf(request.method, pathname, request.headers)
    return track(marked(work, call, () => works[work](request, call)))
  }

  function workOf(method: string, path: string, headers: Headers): Work {
    const hook = contract.hook(method, path, headers)
    // A path that means an event to the platform is a path like any other to a function that takes none.
    return hook === undefined || (hook === 'event' && !takesEvents) ? 'request' : hook
  }

  const works: Readonly<Record<Work, (request: Request, call: Call) => Promise<Response>>> = {
    async request(request, call) {
      const opened = open(call)
      try {
        return await app.fetch(withoutPlatformHeaders(request), opened.invocation)
      } finally {
        // A platform that freezes the process once it has the answer would leave the work lying: it comes first.
        if (contract.freezes) await opened.settled()
        opened.end()
      }
    },
    async event(request, call) {
      const payload = parsed(await request.text())
      const http = httpEvent(payload)
      if (http !== undefined) {
        const { clientIp = call.clientIp } = http
        return integratedAnswer(await works.request(http.request, { ...call, clientIp }))
      }
      if (app.event === undefined) throw new TypeError(`${app.name} takes requests, and no such events`)
      const opened = open(call)
      try {
        const events = contract.events(payload, call, request.headers)
        for (const event of events) await app.event(event, opened.invocation)
        return new Response(null, { status: 200 })
      } finally {
        await opened.settled()
        opened.end()
      }
    },
    async initialize() {
      const warming = app.warm?.(AbortSignal.any([stop.signal, AbortSignal.timeout(WARM_TIMEOUT_MS)]))
      await warming?.catch((error: unknown) => logger.warn('runtime.warm_failed', { error }))
      return new Response(null, { status: 200 })
    },
    async 'pre-stop'() {
      await closeApp()
      return new Response(null, { status: 200 })
    },
  }

  /** Prints the platform's lines around `run`, and turns a crash, which no app should let out, into an answer. */
  async function marked(work: Work, call: Call, run: () => Promise<Response>): Promise<Response> {
    const lines = contract.markers(work, call.requestId)
    if (lines !== undefined) print(lines.start)
    try {
      const response = await run()
      if (lines !== undefined) print(lines.end)
      return response
    } catch (error) {
      if (isGone(error)) logger.info('runtime.client_gone', { requestId: call.requestId })
      else logger.error('runtime.crashed', { requestId: call.requestId, work, error })
      if (lines !== undefined) print(lines.failed)
      return work === 'event' ? contract.eventFailed() : crashed()
    }
  }

  function open(call: Call): OpenInvocation {
    const background = (work: Promise<unknown>) =>
      track(
        work.catch((error: unknown) =>
          logger.error('runtime.background_failed', { requestId: call.requestId, error }),
        ),
      )
    return openInvocation(call, { platform: contract.platform, stop: stop.signal, background })
  }

  function track<T>(work: Promise<T>): Promise<T> {
    const done = work.then(forget, forget)
    function forget() {
      inFlight.delete(done)
    }
    inFlight.add(done)
    return work
  }

  async function drain(): Promise<void> {
    draining = true
    while (inFlight.size > 0) await Promise.all(inFlight)
  }

  async function closeApp(): Promise<void> {
    try {
      await app.close?.()
    } catch (error) {
      logger.warn('runtime.close_failed', { error })
    }
  }

  async function close(): Promise<void> {
    stop.abort(new DOMException('The instance stops', 'AbortError'))
    await closeApp()
  }

  return { handle, drain, close }
}

/** Kubernetes' and Knative's probes; on the clouds a client may ask too, and learns nothing. */
function healthStatus(method: string, path: string, draining: boolean): number | undefined {
  if (method !== 'GET') return undefined
  if (path === '/health/liveness') return 200
  if (path === '/health/readiness') return draining ? 503 : 200
  return undefined
}

/** The client left before its body was whole: nobody reads the answer, and nothing has to be mended. */
function isGone(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // an event's payload is whatever its trigger was given
  }
}
