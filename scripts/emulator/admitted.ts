import type { IncomingMessage } from 'node:http'
import type { Cloud } from './cloud.ts'
import { CloudFailure } from './cloud-failure.ts'
import type { Forwarded } from './forward.ts'
import { headerBytes, passedOn } from './raw-headers.ts'

/** A client's request as its function may see it. @throws CloudFailure beyond one of the cloud's limits */
export async function admitted(incoming: IncomingMessage, cloud: Cloud): Promise<Forwarded> {
  const { limits } = cloud
  const { rawHeaders, method = 'GET', url: target = '/' } = incoming
  if (target.length > limits.targetBytes) throw new CloudFailure('target_too_long')
  if (headerBytes(rawHeaders) > limits.requestHeaderBytes) throw new CloudFailure('request_headers_too_large')
  const body = await readAtMost(incoming, limits.requestBodyBytes)
  if (body === undefined) throw new CloudFailure('request_too_large')
  return { method, target, headers: passedOn(rawHeaders, cloud.reservedRequestHeader), body }
}

/** The whole body, or undefined when it has more than `maxBytes`. */
export async function readAtMost(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return undefined
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    const piece = Buffer.from(chunk)
    bytes += piece.length
    if (bytes > maxBytes) return undefined
    chunks.push(piece)
  }
  return Buffer.concat(chunks)
}
