import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { readAtMost } from './admitted.ts'
import type { Answer, Cloud } from './cloud.ts'
import { CloudFailure } from './cloud-failure.ts'
import { headerBytes, passedOn } from './raw-headers.ts'

/** Passes a function's answer on to the client. @throws CloudFailure beyond one of the cloud's limits */
export async function deliver(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  { cloud, requestId }: { readonly cloud: Cloud; readonly requestId: string },
): Promise<void> {
  const { limits } = cloud
  if (headerBytes(answer.rawHeaders) > limits.responseHeaderBytes) {
    answer.destroy()
    throw new CloudFailure('response_headers_too_large')
  }
  const own = Object.entries(cloud.responseHeaders(requestId)).flat()
  const headers = [...passedOn(answer.rawHeaders, cloud.reservedResponseHeader), ...own]
  const status = answer.statusCode ?? 502
  if (limits.responseBodyBytes === Infinity) return stream(answer, outgoing, status, headers)
  const body = await readAtMost(answer, limits.responseBodyBytes)
  if (body === undefined) {
    answer.destroy()
    throw new CloudFailure('response_too_large')
  }
  outgoing.writeHead(status, headers).end(body)
}

/** Answers in the cloud's own words. */
export function answerAs(
  cloud: Cloud,
  requestId: string,
  { status, headers, body }: Answer,
  outgoing: ServerResponse,
): void {
  if (outgoing.headersSent) {
    outgoing.destroy() // half an answer is out already
    return
  }
  outgoing.writeHead(status, { ...headers, ...cloud.responseHeaders(requestId) }).end(body)
}

async function stream(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  status: number,
  headers: string[],
): Promise<void> {
  outgoing.writeHead(status, headers)
  outgoing.flushHeaders()
  await pipeline(answer, outgoing).catch(() => outgoing.destroy()) // one of the two ends has gone
}
