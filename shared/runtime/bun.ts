import { refusal } from './refusal.ts'
import { crashedInAdaptor } from './crashed.ts'
import type { ListenOptions, Server } from './serve.ts'

/** Beyond any platform's own limit and the largest file; what a route takes is the route's business. */
const MAX_BODY_BYTES = 2 * 1024 * 1024 * 1024

/** The part of Bun that is used here; its own types would add Bun's globals to every file. */
interface Bun {
  serve(options: {
    readonly hostname: string
    readonly port: number
    readonly idleTimeout: number
    readonly maxRequestBodySize: number
    readonly development: boolean
    fetch(request: Request): Response | Promise<Response>
    error(error: unknown): Response
  }): BunServer
}

interface BunServer {
  readonly port: number
  requestIP(request: Request): { readonly address: string } | null
  stop(): Promise<void>
}

declare const Bun: Bun

/** Serves an instance on Bun. */
export function listen({ instance, hostname, port }: ListenOptions): Promise<Server> {
  const server = Bun.serve({
    hostname,
    port,
    // A platform reuses its connection after minutes of silence; closing it would look like a crash of the process.
    idleTimeout: 0,
    maxRequestBodySize: MAX_BODY_BYTES,
    development: false,
    fetch(request) {
      return refused(request) ?? instance.handle(request, server.requestIP(request)?.address ?? '')
    },
    error: crashedInAdaptor,
  })
  return Promise.resolve({ port: server.port, stop: () => server.stop() })
}

function refused({ method, url, headers }: Request): Response | undefined {
  return refusal({
    // Bun refuses the combinations that an older protocol or an odd target would make of a head by itself.
    isHttp11: true,
    target: '/',
    method,
    url,
    host: headers.get('host'),
    contentLength: headers.get('content-length'),
    transferEncoding: headers.get('transfer-encoding'),
  })
}
