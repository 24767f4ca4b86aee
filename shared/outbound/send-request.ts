import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { systemClock } from '#shared/clock.ts'
import { once } from '#shared/once.ts'
import type { Attempt } from './fetch-answer.ts'
import { keptAgents } from './kept-agents.ts'

interface Client {
  readonly request: (
    url: URL,
    options: RequestOptions,
    answered: (incoming: IncomingMessage) => void,
  ) => ClientRequest
  readonly agentOf: (origin: string) => Agent
}

const USER_AGENT = 'xiaohan'

const http = once(async (): Promise<Client> => {
  const { Agent, request } = await import('node:http')
  return { request, agentOf: keptAgents(() => new Agent({ keepAlive: true }), systemClock) }
})
const https = once(async (): Promise<Client> => {
  const { Agent, request } = await import('node:https')
  return { request, agentOf: keptAgents(() => new Agent({ keepAlive: true }), systemClock) }
})

/**
 * Sends a request and answers with what comes back, its body yet to be read. Not by `fetch`, which looks names up on its own:
 * the address that was judged has to be the one that is called.
 */
export async function sendRequest(call: Attempt, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, method, headers, body, sign, lookup, traceparent } = call
  const { request, agentOf } = await (url.protocol === 'https:' ? https : http)()
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
    agent: call.delivery === 'once' ? (false as const) : agentOf(url.origin),
    signal,
    ...(lookup === undefined ? {} : { lookup }),
  }
  return new Promise((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end(body)
  })
}
