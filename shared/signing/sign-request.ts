import { createHmac, createSecretKey } from 'node:crypto'
import { type Clock, systemClock } from '#shared/clock.ts'
import { randomId } from '#shared/ids.ts'
import { canonicalRequest, requestParts } from './canonical-request.ts'
import { formatSignature, SIGNATURE_HEADER } from './signature-header.ts'

export interface Signer {
  readonly kid: string
  /** 32 bytes. */
  readonly key: Uint8Array
  /** The session's id, where the key is a session's or WeChat's user key; absent for a partner. */
  readonly sessionId?: string | undefined
  readonly clock?: Clock
  /** Makes a nonce of 22 characters; random unless a test vector needs one. */
  readonly nonce?: () => string
}

/** The same request with its signature: Request in, signed Request out, nothing sent. The body is read and kept. */
export async function signRequest(request: Request, signer: Signer): Promise<Request> {
  const body = new Uint8Array(await request.clone().arrayBuffer())
  const signed = new Request(request)
  signed.headers.set(SIGNATURE_HEADER, requestSignature(request, body, signer))
  return signed
}

/** The header's value for a request that is about to be sent with this body. */
export function requestSignature(
  request: Pick<Request, 'method' | 'url'>,
  body: Uint8Array,
  { kid, key, sessionId, clock = systemClock, nonce: newNonce = randomId }: Signer,
): string {
  const ts = String(Math.floor(clock() / 1000))
  const nonce = newNonce()
  const canonical = canonicalRequest({ ...requestParts(request, body), kid, ts, nonce, sessionId })
  return formatSignature({ kid, ts, nonce, sig: requestMac(key, canonical).toString('base64url') })
}

/** HMAC-SHA256 over the canonical request. @see RFC 2104 */
export function requestMac(key: Uint8Array, canonical: string): Buffer {
  // Given the bytes, Node 24 first tries them as each kind of key object: 12 µs a signature instead of 4.
  return createHmac('sha256', createSecretKey(key)).update(canonical).digest()
}
