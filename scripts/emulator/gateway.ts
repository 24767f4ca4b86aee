import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Fault } from '#shared/errors.ts'
import { failure } from '#shared/http/envelope.ts'
import { preferredLanguage } from '#shared/http/language.ts'
import { BASE_PATH, type FunctionSpec } from '#scripts/functions.ts'
import type { FunctionService } from './function-service.ts'
import { controlTimer, TIMER_CONTROL } from './timer-control.ts'

const REAP_EVERY_MS = 1_000
/** More than any cloud's own limit on headers, so that the cloud's answer is the one that comes. */
const MAX_HEADER_BYTES = 64 * 1024

export interface GatewayOptions {
  readonly services: readonly FunctionService[]
  readonly port: number
  /** Whether a function has sources at this moment; one without any is no part of the cloud. */
  readonly has?: (spec: FunctionSpec) => boolean
}

export interface Gateway {
  readonly port: number
  readonly url: string
  /** Takes no new call, lets those in flight end for a moment, ends every instance. */
  stop(): Promise<void>
}

/** Serves functions by the path of a request, as a custom domain with path mapping does. Rejects when the port is taken. */
export async function startGateway({ services, port, has = () => true }: GatewayOptions): Promise<Gateway> {
  const present = () => services.filter(({ spec }) => has(spec))
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0 },
    (incoming, outgoing) => {
      outgoing.on('error', () => {}) // the client has gone; its call is told by `close`
      const path = pathOf(incoming)
      if (path.startsWith(TIMER_CONTROL)) return void controlTimer(present(), incoming, outgoing)
      const service = present().find(({ spec }) => serves(spec, path))
      void (service === undefined ? notFound(incoming, outgoing) : service.handle(incoming, outgoing))
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const reaping = setInterval(() => services.forEach(({ pool }) => pool.reap()), REAP_EVERY_MS)

  async function stop(): Promise<void> {
    clearInterval(reaping)
    server.close()
    await Promise.all(services.map((service) => service.stop()))
    server.closeAllConnections()
  }

  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return { port: bound, url: `http://127.0.0.1:${bound}`, stop }
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/'
}

function serves({ paths }: FunctionSpec, path: string): boolean {
  return paths.some((prefix) => path === BASE_PATH + prefix || path.startsWith(`${BASE_PATH}${prefix}/`))
}

/** In the functions' own words, since a cloud's custom domain is set up to look like one API as well. */
async function notFound({ headers }: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const language = preferredLanguage(headers['accept-language'] ?? null)
  const response = failure(new Fault('not_found'), randomUUID(), language)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text())
}
