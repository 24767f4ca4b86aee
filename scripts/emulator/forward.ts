import { Agent, type IncomingMessage, request } from 'node:http'
import { without } from './raw-headers.ts'

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

export interface Forwarded {
  readonly method: string
  /** Path and query as the client sent them. */
  readonly target: string
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** Sends a request to an instance; resolves with its answer's head. Rejects when the connection breaks before that. */
export function forward(
  port: number,
  { method, target, headers, body }: Forwarded,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sized =
      body.length > 0 || !['GET', 'HEAD'].includes(method) ? ['content-length', String(body.length)] : []
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method,
      path: target,
      agent,
      signal,
      headers: [...without(headers, 'content-length'), ...sized],
    })
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}
