import type { IncomingMessage } from 'node:http'
import { sendJson } from '#scripts/emulator/answer-control.ts'
import { listen, type Listening } from '#scripts/emulator/listen.ts'
import { type CollectedSpan, readSpans } from './read-spans.ts'

const MAX_SPANS = 20_000
const MAX_BYTES = 8 * 1024 * 1024

/** A collector that keeps the latest spans in memory, for one developer; its URL is for OTEL_EXPORTER_OTLP_ENDPOINT. */
export type TraceCollector = Listening

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

  return listen(async (request, response) => sendJson(response, await answer(request)))
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += part
    if (text.length > MAX_BYTES) throw new RangeError('The request is too long')
  }
  return text
}
