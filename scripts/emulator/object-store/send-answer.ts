import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Answer } from './answer.ts'
import type { Failure } from './failures.ts'

/** Sends an answer; a scripted failure may break its body off, or leave it standing, after half a chunk. */
export async function sendAnswer(
  response: ServerResponse,
  { status, headers = {}, body = '' }: Answer,
  ending: Failure['connection'],
): Promise<void> {
  response.writeHead(status, {
    ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}),
    ...headers,
  })
  if (typeof body === 'string') return void response.end(response.req.method === 'HEAD' ? '' : body)
  try {
    if (ending !== 'cut' && ending !== 'stall') return await pipeline(body, response)
    for await (const chunk of body as AsyncIterable<Buffer>) {
      await new Promise((resolve) => response.write(chunk.subarray(0, chunk.byteLength / 2), resolve))
      break
    }
    if (ending === 'cut') response.destroy()
  } finally {
    body.destroy() // where the client had gone before, nobody has read it
  }
}
