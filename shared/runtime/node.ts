import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { crashedInAdaptor } from './crashed.ts'
import { refusal } from './refusal.ts'
import type { Instance } from './instance.ts'
import type { ListenOptions, Server } from './serve.ts'
import { keptYoung } from './young-heap.ts'

const MAX_HEADER_BYTES = 16 * 1024
const DRAINED_BYTES = 32 * 1024 * 1024
const DRAIN_MS = 5_000
/** Answers that must not have a Content-Length. @see RFC 9110 §8.6 */
const UNSIZED = new Set([204, 304])

/** Serves an instance on Node. */
export async function listen({ instance, hostname, port }: ListenOptions): Promise<Server> {
  // Not a static import: in a bundle that one would stand at the top and be loaded by Bun as well.
  const { createServer } = await import('node:http')
  const server = createServer(
    // A platform reuses its connection after minutes of silence, and a big body may take its time: no limit of ours.
    { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: 0, requestTimeout: 0 },
    (incoming, outgoing) => {
      if (!server.listening) outgoing.setHeader('connection', 'close')
      // Closing spares a connection with a request in flight, and forgets it: it would stay open for good.
      outgoing.once('close', () => setImmediate(() => server.listening || server.closeIdleConnections()))
      void exchange(instance, incoming, outgoing).catch(() => outgoing.destroy())
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, hostname, resolve)
  })
  return { port: boundPort(server), stop: () => new Promise((resolve) => server.close(() => resolve())) }
}

function boundPort(server: HttpServer): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function exchange(
  instance: Instance,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const leave = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) leave.abort(gone())
  })
  outgoing.once('finish', () => drain(incoming))
  const response = await answer(instance, incoming, leave.signal).catch(crashedInAdaptor)
  await send(response, outgoing, incoming.method === 'HEAD')
}

async function answer(instance: Instance, incoming: IncomingMessage, signal: AbortSignal): Promise<Response> {
  const headers = headersOf(incoming)
  const peer = incoming.socket.remoteAddress ?? ''
  return refused(incoming, headers) ?? instance.handle(requestOf(incoming, headers, signal), peer)
}

/** Reads away what the app left of a body, since the next request stands behind it on the connection; within reason. */
function drain(incoming: IncomingMessage): void {
  if (incoming.complete) return
  let leftBytes = DRAINED_BYTES
  const timer = setTimeout(() => incoming.destroy(), DRAIN_MS).unref()
  incoming.once('close', () => clearTimeout(timer)).removeAllListeners('data')
  incoming.on('data', (chunk: Uint8Array) => {
    leftBytes -= chunk.byteLength
    if (leftBytes < 0) incoming.destroy()
  })
  incoming.resume()
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  // Names and values alternate in this list.
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  return headers
}

function refused(incoming: IncomingMessage, headers: Headers): Response | undefined {
  return refusal({
    isHttp11: incoming.httpVersion === '1.1',
    target: incoming.url ?? '',
    method: incoming.method ?? '',
    url: urlOf(incoming, headers),
    host: headers.get('host'),
    contentLength: headers.get('content-length'),
    transferEncoding: headers.get('transfer-encoding'),
  })
}

function requestOf(incoming: IncomingMessage, headers: Headers, signal: AbortSignal): Request {
  const method = incoming.method ?? 'GET'
  const body = method === 'GET' || method === 'HEAD' ? null : bodyOf(incoming)
  return new Request(urlOf(incoming, headers), { method, headers, body, signal, duplex: 'half' })
}

/** The target in absolute form, as a proxy's client may send it, counts for its path alone: Host says where it is. */
function urlOf({ url = '/' }: IncomingMessage, headers: Headers): string {
  const path = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '')
  return `http://${headers.get('host') ?? 'localhost'}${path.startsWith('/') ? path : `/${path}`}`
}

function gone(): DOMException {
  return new DOMException('The client has gone', 'AbortError')
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let isRead = false
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        incoming.once('close', keptYoung(incoming.headers['content-length']))
        incoming.on('data', (chunk: Uint8Array) => {
          controller.enqueue(chunk)
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause()
        })
        incoming.once('end', () => isRead || controller.close())
        // As Bun says it; Node would speak of a reset connection, in words that differ with the moment.
        incoming.once('error', () => controller.error(gone()))
        incoming.pause()
      },
      pull: () => void incoming.resume(),
      // An app that has read enough still answers: the rest of the body is read and dropped, the socket stays.
      cancel() {
        isRead = true
        incoming.removeAllListeners('data')
        incoming.resume()
      },
    },
    { highWaterMark: 64 * 1024, size: (chunk) => chunk?.byteLength ?? 0 },
  )
}

async function send(response: Response, outgoing: ServerResponse, bodiless: boolean): Promise<void> {
  outgoing.statusCode = response.status
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
  if (response.body === null || bodiless) {
    // Without this, Node announces the length of an answer that has none by an empty chunk.
    if (!bodiless && !UNSIZED.has(response.status)) outgoing.setHeader('content-length', 0)
    outgoing.end()
    await response.body?.cancel()
    return
  }
  const reader = response.body.getReader()
  outgoing.once('close', () => void reader.cancel().catch(() => {})) // a source that fails to stop has no one to tell
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!outgoing.write(next.value)) await drained(outgoing)
    }
    outgoing.end()
  } catch {
    // Half an answer is out: only a broken connection tells the client that it is not whole.
    outgoing.destroy()
  }
}

/** Resolves when more can be written, or when no one reads any more. */
function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed) return resolve()
    const done = () => {
      outgoing.off('drain', done).off('close', done)
      resolve()
    }
    outgoing.on('drain', done).on('close', done)
  })
}
