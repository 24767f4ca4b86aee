import { type Clock, systemClock } from '#shared/clock.ts'
import { abandonable, deadline } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { once } from '#shared/once.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { RequestTracer } from '#shared/telemetry/request-tracer.ts'
import type { Admit } from './admission.ts'
import type { App, Invocation } from './app.ts'
import { corsHeaders } from './cors.ts'
import { failure, success } from './envelope.ts'
import { preferredLanguage } from './language.ts'
import { MAX_JSON_BYTES, parseJson, readBytes } from './read-body.ts'
import { type Call, type Route, routeName } from './route.ts'
import { createRouter, type Match } from './router.ts'
import { type Traced, tracedEvent, tracedFetch } from './traced-calls.ts'
import { createTrustedHops, type TrustedHops } from './trusted-hops.ts'
import { validate } from './validate.ts'

export interface AppOptions extends Pick<App, 'name' | 'event' | 'warm' | 'close'> {
  readonly routes: readonly Route[]
  readonly logger: Logger
  readonly clock?: Clock
  /** Longest time for one request in ms, below what the platform allows. */
  readonly timeoutMs?: number
  /** Origins that browsers may call from. */
  readonly corsOrigins?: readonly string[]
  /** Stands before every route; everybody is admitted unless given. */
  readonly admit?: Admit
  /** Whose word about a client's address counts besides the platform's; nobody's unless given. */
  readonly trustedHops?: TrustedHops
  /** Follows every call and event; nobody does unless given. */
  readonly tracer?: RequestTracer | undefined
}

const DEFAULT_TIMEOUT_MS = 4_500
/** FC's limits, the stricter of the two clouds'; checked here too since not every host has a gateway in front. */
const MAX_TARGET_CHARS = 4 * 1024
const MAX_HEADER_CHARS = 8 * 1024

/** A function over HTTP; its routes can be looked at, by the API documentation for one. */
export interface HttpApp extends App {
  readonly routes: readonly Route[]
}

/** Composes a function: route table inside, then deadline, recover and access log around it. */
export function createApp(options: AppOptions): HttpApp {
  const { name, routes, logger, clock = systemClock, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const findRoute = createRouter(routes)
  const { admit, corsOrigins = [], trustedHops = createTrustedHops([]) } = options
  let hasToldOfForgery = false

  async function serve(request: Request, arrived: Invocation, seen: Seen): Promise<Response> {
    const startedAt = clock()
    const invocation = { ...arrived, clientIp: clientIp(request.headers, arrived.clientIp) }
    const response = await answer(request, invocation, seen).catch((error: unknown) => {
      seen.fault = asFault(error)
      if (seen.fault.error === 'internal' || seen.fault.cause !== undefined) report(seen.fault, invocation)
      const { fault, match } = seen
      match?.route.onRefusal?.({ fault, params: match.params, request, invocation })
      return failure(
        seen.fault,
        invocation.requestId,
        preferredLanguage(request.headers.get('accept-language')),
      )
    })
    logger.info('http.request', {
      requestId: invocation.requestId,
      method: request.method,
      route: seen.match?.route.path ?? null,
      status: response.status,
      ...(seen.fault === undefined ? {} : told(seen.fault)),
      durationMs: clock() - startedAt,
      clientIp: invocation.clientIp,
      traceId: seen.traceId,
    })
    return finish(request, response, { ...seen.headers, 'x-request-id': invocation.requestId })
  }

  function clientIp(headers: Headers, peer: string): string {
    const { clientIp: ip, isForged } = trustedHops.arrive(peer, headers)
    if (isForged && !hasToldOfForgery) {
      hasToldOfForgery = true // once an instance: anybody can do it all day
      logger.info('http.untrusted_hop', {
        peer,
        advice: 'if this is a proxy of yours, add it to TRUSTED_PROXIES',
      })
    }
    return ip
  }

  /** What every answer has, whichever way it came about. */
  function finish(request: Request, response: Response, headers: Readonly<Record<string, string>>): Response {
    const cors = corsHeaders(corsOrigins, request.headers.get('origin'))
    for (const [name, value] of Object.entries({ ...headers, ...cors })) response.headers.set(name, value)
    return request.method === 'HEAD' ? new Response(null, response) : response
  }

  async function answer(request: Request, invocation: Invocation, seen: Seen): Promise<Response> {
    const url = new URL(request.url)
    checkSize(request.headers, url)
    checkQuery(url)
    if (request.method === 'OPTIONS' && !findRoute.takesOptions(url.pathname))
      return new Response(null, { status: 204, headers: { allow: findRoute.allowed(url.pathname) } })
    const match = findRoute(request.method, url.pathname)
    seen.match = match
    const longestMs = match.route.timeoutMs ?? timeoutMs
    const leftMs = Math.max(0, Math.min(longestMs, invocation.deadline - clock()))
    const limit = deadline(leftMs, invocation.signal)
    try {
      return await carryOut(match, { request, url, invocation, signal: limit.signal }, seen)
    } finally {
      limit.end()
    }
  }

  async function carryOut(match: Match, arrived: Omit<Arrived, 'body'>, seen: Seen): Promise<Response> {
    const { request, invocation, signal } = arrived
    const body = once(() => readBytes(request, MAX_JSON_BYTES, signal))
    if (admit !== undefined) {
      const arrival = { route: routeName(match.route), request, invocation, body, signal }
      const { headers, refusal } = await abandonable(admit(arrival), signal)
      seen.headers = headers
      if (refusal !== undefined) throw refusal
    }
    const call = await readCall(match, { ...arrived, body })
    const reply = await abandonable(match.route.handle(call), signal)
    return reply instanceof Response ? reply : success(reply, invocation.requestId)
  }

  function report(fault: Fault, { requestId }: Invocation): void {
    const level = fault.error === 'internal' ? 'error' : 'warn'
    logger[level](fault.error === 'internal' ? 'http.failed' : 'http.refused', {
      requestId,
      error: fault.error,
      // The stack of a refusal tells nothing; that of a mistake of ours tells all.
      ...(fault.error === 'internal' ? { cause: fault.cause } : { causes: causesOf(fault.cause) }),
    })
  }

  const app = {
    name,
    routes,
    fetch: (request: Request, own: Invocation) => serve(request, own, { headers: {} }),
  }
  const { tracer, event, warm, close } = options
  const rest = { ...(warm && { warm }), ...(close && { close }) }
  if (tracer === undefined) return { ...app, ...rest, ...(event && { event }) }
  return {
    ...app,
    ...rest,
    fetch: tracedFetch(tracer, serve),
    ...(event && { event: tracedEvent(tracer, event) }),
  }
}

/** What is known of a request once its answer is made. */
interface Seen extends Traced {
  fault?: Fault
  headers: Readonly<Record<string, string>>
}

/** What the route's schemas make of a request. Reading it ends with the signal, too. */
async function readCall({ route, params }: Match, arrived: Arrived): Promise<Call> {
  const { request, url, invocation, body: bytes, signal } = arrived
  const query = route.query === undefined ? {} : validate(route.query, Object.fromEntries(url.searchParams))
  const body =
    route.body === undefined
      ? undefined
      : validate(route.body, bodyValue(route, await bytes(), request.headers))
  return { request, params, query, body, invocation, signal }
}

interface Arrived extends Pick<Call, 'request' | 'invocation' | 'signal'> {
  readonly url: URL
  readonly body: () => Promise<Uint8Array>
}

function bodyValue(route: Route, bytes: Uint8Array, headers: Headers): unknown {
  const body = parseJson(bytes, headers)
  if (body !== undefined) return body
  if (route.bodyOptional === true) return {}
  throw new Fault('invalid_json', { details: [{ message: 'a JSON body is required' }] })
}

/** A name given twice is refused: two readers could each believe another value. So is what no reader can decode. */
function checkQuery(url: URL): void {
  const message = queryProblem(url)
  if (message !== undefined) throw new Fault('validation_failed', { details: [{ path: '', message }] })
}

function queryProblem({ search, searchParams }: URL): string | undefined {
  if (search === '') return undefined
  const names = [...searchParams.keys()]
  if (new Set(names).size !== names.length) return 'a query parameter occurs twice'
  return isDecodable(search) ? undefined : 'the query is not UTF-8 in percent-encoding'
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function checkSize(headers: Headers, { pathname, search }: URL): void {
  let headerChars = 0
  for (const [name, value] of headers) headerChars += name.length + value.length + 4
  if (headerChars > MAX_HEADER_CHARS || pathname.length + search.length > MAX_TARGET_CHARS) {
    throw new Fault('payload_too_large', {
      details: [{ maxHeaderBytes: MAX_HEADER_CHARS, maxTargetBytes: MAX_TARGET_CHARS }],
    })
  }
}

/** What a line says of a refusal; reasons are constants of ours. */
function told({ error, details }: Fault): Readonly<Record<string, string>> {
  const reason = details[0]?.['reason']
  return { error, ...(typeof reason === 'string' ? { reason } : {}) }
}

/** The one catch-all: what is not a fault is a timeout of ours or our own mistake. */
function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return new Fault('upstream_timeout', { cause: error })
  if (error instanceof DOMException && error.name === 'AbortError')
    return new Fault('unavailable', { cause: error })
  return new Fault('internal', { cause: error })
}
