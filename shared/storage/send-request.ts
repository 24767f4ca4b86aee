import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { once } from '#shared/once.ts'
import { incomingBody } from './incoming-body.ts'

export interface Sending {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  /** Whether no connection from before will do. */
  readonly isAnew: boolean
}

/** Sends a request, and answers with the response, whatever its status; that of a GET is read as it is taken. */
export type SendRequest = (sending: Sending, signal: AbortSignal) => Promise<Response>

interface Client {
  readonly request: (
    url: string,
    options: RequestOptions,
    answered: (incoming: IncomingMessage) => void,
  ) => ClientRequest
  readonly agent: Agent
}

/** Written in one go each; a body given whole Bun would copy first. */
const SLICE_BYTES = 1024 * 1024
/** Of an answer that is not an object: a success is empty or short, a refusal some lines of XML. */
const MAX_ANSWER_BYTES = 64 * 1024
const KEPT = { keepAlive: true }

/**
 * Sends over connections that are kept. `fetch` copies bytes before it sends them, or takes a stream of them at a
 * promise a piece, at half the speed on Bun and a third on Node; reads on Node take 70 % longer by it.
 */
export function requestSender(): SendRequest {
  const http = once(async (): Promise<Client> => {
    const { Agent, request } = await import('node:http')
    return { request, agent: new Agent(KEPT) }
  })
  const https = once(async (): Promise<Client> => {
    const { Agent, request } = await import('node:https')
    return { request, agent: new Agent(KEPT) }
  })

  return async ({ url, method, headers, body, isAnew }, signal) => {
    const { request, agent } = await (url.startsWith('https:') ? https : http)()
    const length = body === undefined ? {} : { 'content-length': String(body.byteLength) }
    const options = { method, headers: { ...headers, ...length }, agent: isAnew ? false : agent, signal }
    return new Promise((resolve, reject) => {
      const outgoing = request(url, options, (incoming) => {
        responseOf(incoming, method).then(resolve, reject)
      })
      outgoing.on('error', reject) // after the answer has begun, its body says the same
      write(outgoing, body)
    })
  }
}

function write(outgoing: ClientRequest, body: Uint8Array = new Uint8Array(0)): void {
  let at = 0
  function more(): void {
    while (at < body.byteLength) {
      const slice = body.subarray(at, at + SLICE_BYTES)
      at += SLICE_BYTES
      if (!outgoing.write(slice)) return void outgoing.once('drain', more)
    }
    outgoing.end()
  }
  more()
}

async function responseOf(incoming: IncomingMessage, method: string): Promise<Response> {
  const { statusCode: status = 0 } = incoming
  const headers = headersOf(incoming)
  if (method === 'GET' && status !== 204) return new Response(incomingBody(incoming), { status, headers })
  const bytes = await wholeAnswer(incoming)
  return new Response(bytes.byteLength === 0 ? null : bytes, { status, headers })
}

/** @throws RangeError for one that goes on and on */
async function wholeAnswer(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const body: AsyncIterable<Uint8Array> = incoming
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES) throw new RangeError('The answer of the store is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headersOf({ headers }: IncomingMessage): Headers {
  const found = new Headers()
  for (const [name, value] of Object.entries(headers)) if (typeof value === 'string') found.set(name, value)
  return found
}
