import { createServer, type IncomingMessage } from 'node:http'
import { type CollectedSpan, readSpans } from './read-spans.ts'

/** A collector that keeps the latest spans in memory, for one developer. */
export interface TraceCollector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string
  stop(): Promise<void>
}

const MAX_SPANS = 20_000
const MAX_BYTES = 8 * 1024 * 1024

/** Starts it on 127.0.0.1: `POST /v1/traces` takes spans (OTLP/HTTP, JSON), `GET /spans` gives what is kept. */
export async function startTraceCollector(): Promise<TraceCollector> {
  let spans: CollectedSpan[] = []

  async function answer(request: IncomingMessage): Promise<readonly [status: number, body: unknown]> {
    const route = `${request.method} ${request.url}`
    if (route === 'GET /spans') return [200, spans]
    if (route !== 'POST /v1/traces') return [404, { message: 'not found' }]
    try {
      spans = [...spans, ...readSpans(JSON.parse(await readText(request)))].slice(-MAX_SPANS)
      return [200, {}]
    } catch {
      return [400, { message: 'expected OTLP/HTTP traces in JSON' }]
    }
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ([status, body]) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      () => response.destroy(), // the caller went away
    )
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new TypeError('Cannot read the port of the trace collector')

  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += part
    if (text.length > MAX_BYTES) throw new RangeError('The request is too long')
  }
  return text
}
