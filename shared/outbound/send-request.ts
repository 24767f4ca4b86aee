import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { systemClock } from '#shared/clock.ts'
import { once } from '#shared/once.ts'
import type { Attempt } from './fetch-answer.ts'

interface Client {
  readonly request: (
    url: URL,
    options: RequestOptions,
    answered: (incoming: IncomingMessage) => void,
  ) => ClientRequest
  /** With connections that are kept for the next calls. */
  readonly agent: () => Agent
}

/** A socket that an instance held while it was frozen is mostly dead, and its timers did not run. */
const KEPT_IDLE_MS = 20_000
const USER_AGENT = 'xiaohan'

const http = once(async () => {
  const { Agent, request } = await import('node:http')
  return clientOf(request, (options) => new Agent(options))
})
const https = once(async () => {
  const { Agent, request } = await import('node:https')
  return clientOf(request, (options) => new Agent(options))
})

/**
 * Sends a request and answers with what comes back, its body yet to be read. Not by `fetch`, which looks names up on its own:
 * the address that was judged has to be the one that is called.
 */
export async function sendRequest(call: Attempt, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, method, headers, body, sign, lookup, traceparent } = call
  const { request, agent } = await (url.protocol === 'https:' ? https : http)()
  const options = {
    method,
    headers: {
      'user-agent': USER_AGENT,
      // Nothing here unpacks.
      'accept-encoding': 'identity',
      ...headers,
      ...sign?.(),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    // What must not be sent twice gets a connection of its own: a kept one may be dead, and nobody could tell.
    agent: call.delivery === 'once' ? (false as const) : agent(),
    signal,
    ...(lookup === undefined ? {} : { lookup }),
  }
  return new Promise((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end(body)
  })
}

function clientOf(
  request: Client['request'],
  newAgent: (options: { readonly keepAlive: true }) => Agent,
): Client {
  let agent = newAgent({ keepAlive: true })
  let usedAtMs = systemClock()
  return {
    request,
    agent() {
      const nowMs = systemClock()
      if (nowMs - usedAtMs > KEPT_IDLE_MS) agent = newAgent({ keepAlive: true })
      usedAtMs = nowMs
      return agent
    },
  }
}
