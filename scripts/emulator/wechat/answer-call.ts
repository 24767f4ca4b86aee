import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, json, refused, send } from './answer.ts'
import { ENDPOINTS, type Endpoint } from './endpoints.ts'
import type { Failure } from './failures.ts'
import { Refusal } from './refusal.ts'
import type { World } from './world.ts'

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly text: string
}

/** Answers one call as WeChat would, or as a scripted failure says. `signal` ends a delay when the server stops. */
export async function answerCall(world: World, exchange: Exchange, signal: AbortSignal): Promise<void> {
  const { response, url } = exchange
  const path = url.pathname
  world.calls.set(path, (world.calls.get(path) ?? 0) + 1)
  const failure = world.failures.take(path)
  const usual =
    failure === undefined || isOnlyLate(failure) || failure.afterWork === true
      ? usualAnswer(world, exchange)
      : undefined
  if (failure?.latencyMs !== undefined) await delay(failure.latencyMs, undefined, { signal })
  if (failure?.connection === 'silent') return
  if (failure?.connection === 'drop') return void response.destroy()
  send(response, failure === undefined || isOnlyLate(failure) ? (usual ?? json({})) : failedAnswer(failure))
}

function isOnlyLate({ errcode, status, body, bodyBytes, connection }: Failure): boolean {
  return [errcode, status, body, bodyBytes, connection].every((part) => part === undefined)
}

function failedAnswer({ status = 200, errcode = -1, body, bodyBytes }: Failure): Answer {
  if (body !== undefined) return { status, text: body }
  if (bodyBytes !== undefined) return { status, text: ' '.repeat(bodyBytes) }
  return { ...refused(errcode), status }
}

function usualAnswer(world: World, exchange: Exchange): Answer {
  const { request, url, text } = exchange
  const endpoint = ENDPOINTS[url.pathname]
  try {
    if (endpoint === undefined) throw new Refusal(40066)
    checkMethod(endpoint, request.method ?? '')
    const body = request.method === 'POST' ? readBody(endpoint, text) : {}
    if (endpoint.wantsToken) world.tokens.check(url.searchParams.get('access_token'))
    world.quotas.take(url.pathname, endpoint.perMinute)
    return json(endpoint.answer({ query: url.searchParams, body, world }))
  } catch (error) {
    if (error instanceof Refusal) return refused(error.errcode)
    throw error
  }
}

function checkMethod({ methods }: Endpoint, method: string): void {
  if (methods.some((allowed) => allowed === method)) return
  throw new Refusal(methods.includes('GET') ? 43001 : 43002)
}

function readBody({ methods }: Endpoint, text: string): Readonly<Record<string, unknown>> {
  if (text === '' && methods.includes('GET')) return {} // its arguments are in the query
  if (text === '') throw new Refusal(44002)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // answered below, like JSON of the wrong kind
  }
  throw new Refusal(47001)
}
