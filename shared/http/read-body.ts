import { abandonable } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { parsePlainJson } from './plain-json.ts'

/** Largest JSON body taken, in bytes. */
export const MAX_JSON_BYTES = 64 * 1024

/**
 * A JSON body's value; undefined when there is none.
 *
 * @throws Fault `unsupported_media_type` or `invalid_json`.
 */
export function parseJson(bytes: Uint8Array, headers: Headers): unknown {
  if (bytes.byteLength === 0) return undefined
  requireJsonType(headers)
  try {
    return parsePlainJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Fault('invalid_json') // without its cause, since the parser's own message quotes the body into the log
  }
}

/** Reads at most `maxBytes` of the body; refuses by Content-Length before reading where it is given. */
export async function readBytes(
  request: Request,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = request.body.getReader()
  try {
    for (;;) {
      const { done, value } = await abandonable(reader.read(), signal).catch(lateBody)
      if (done) return Buffer.concat(chunks, size)
      size += value.byteLength
      if (size > maxBytes) throw tooLarge(maxBytes)
      chunks.push(value)
    }
  } finally {
    // Tells the sender that nobody reads on; an already finished stream ignores it.
    reader.cancel().catch(() => {})
  }
}

/** The sender took too long: no upstream's fault, whatever the time limit is called. */
function lateBody(error: unknown): never {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError'
  throw isLate
    ? new Fault('bad_request', { details: [{ message: 'the body did not arrive in time' }] })
    : error
}

function tooLarge(maxBytes: number): Fault {
  return new Fault('payload_too_large', { details: [{ maxBytes }] })
}

function requireJsonType(headers: Headers): void {
  const [type, ...parameters] = (headers.get('content-type') ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length)
  const plain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  if (type !== 'application/json' || !plain || !['utf-8', '"utf-8"', 'utf8', undefined].includes(charset)) {
    throw new Fault('unsupported_media_type', { details: [{ expected: 'application/json; charset=utf-8' }] })
  }
}
