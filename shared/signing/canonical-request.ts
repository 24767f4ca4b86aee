import { hash } from 'node:crypto'

/** First line of every canonical request: names the scheme and its version. */
export const SIGNING_SCHEME = 'XH1-HMAC-SHA256'

/** What of a request is signed, besides who signs. */
export interface RequestParts {
  readonly method: string
  /** The host the client called, with the port where it is not the scheme's own. */
  readonly host: string
  /** As sent, percent-encoding included. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  /** As `hashBody` gives it. */
  readonly bodyHash: string
}

export interface CanonicalParts extends RequestParts {
  readonly kid: string
  /** Unix time in seconds, as sent. */
  readonly ts: string
  readonly nonce: string
  /** The session's id; absent for a caller without a session, such as a partner. */
  readonly sessionId?: string | undefined
}

/** The text that is signed: ten lines joined by LF. Nothing in them can hold an LF, so no part can pose as another. */
export function canonicalRequest(parts: CanonicalParts): string {
  const { kid, ts, nonce, method, host, path, query, sessionId = '-', bodyHash } = parts
  return [
    SIGNING_SCHEME,
    kid,
    ts,
    nonce,
    method,
    canonicalHost(host),
    path,
    canonicalQuery(query),
    sessionId,
    bodyHash,
  ].join('\n')
}

/** Lower-case hex of the SHA-256 of a body's raw bytes, none included. */
export function hashBody(body: Uint8Array): string {
  return hash('sha256', body, 'hex')
}

/** In lower case, without the ports that clients leave out when they write a Host header. @see RFC 9110 §4.2.3 */
export function canonicalHost(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)$/, '')
}

/**
 * The query's pairs as the application reads them, each percent-encoded and sorted by name, then value. Two spellings
 * that mean the same (`+` and `%20`, another order) are one text; two that mean something else never are.
 */
export function canonicalQuery(query: string): string {
  return [...new URLSearchParams(query)]
    .map(([name, value]): [string, string] => [percentEncode(name), percentEncode(value)])
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** The parts of a request that is about to be sent. */
export function requestParts(
  { method, url }: Pick<Request, 'method' | 'url'>,
  body: Uint8Array,
): RequestParts {
  const { host, pathname, search } = new URL(url)
  return { method, host, path: pathname, query: search.slice(1), bodyHash: hashBody(body) }
}

/** All but the unreserved characters. @see RFC 3986 §2.3 */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
