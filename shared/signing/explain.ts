import { timingSafeEqual } from 'node:crypto'
import { type CanonicalParts, canonicalRequest, hashBody, type RequestParts } from './canonical-request.ts'
import type { FoundKey, NoKey } from './find-key.ts'
import { requestMac } from './sign-request.ts'
import type { WebhookHeaders } from './webhook.ts'

/** For whoever writes a client: the text that had to be signed, and what is probably wrong. Never a key or a MAC. */
export interface Explanation {
  readonly canonicalRequest: string
  readonly hint: string
}

/** A signature that did not fit. */
export interface Refusal {
  readonly found: FoundKey | NoKey
  /** One for each name that we may have been called by. */
  readonly expected: readonly CanonicalParts[]
  readonly sig: string
  readonly body: Uint8Array
  /** The target as it came. */
  readonly url: URL
  /** The same session's key at other refresh generations. */
  readonly otherKeys: readonly Uint8Array[]
}

interface Attempt {
  readonly text: string
  readonly key: Uint8Array
}

/** A usual mistake: what a client that makes it would have signed, and with which key. */
interface Mistake {
  readonly hint: string
  readonly attempts: (parts: CanonicalParts, key: Uint8Array, refusal: Refusal) => readonly Attempt[]
}

const OTHERWISE =
  'No usual mistake fits. Compare your text with this one line by line: the first line that differs is the cause; if none does, the key is another one'

const MISTAKES: readonly Mistake[] = [
  {
    hint: 'The key is of another refresh generation: after POST /login/refresh use its signing.key together with its access token',
    attempts: (parts, _, { otherKeys }) => otherKeys.map((key) => ({ text: canonicalRequest(parts), key })),
  },
  {
    hint: 'The key was used as text: decode signing.key from base64url to its 32 bytes first',
    attempts: (parts, key) => [
      { text: canonicalRequest(parts), key: Buffer.from(Buffer.from(key).toString('base64url')) },
    ],
  },
  {
    hint: 'Another body was signed: sign the very bytes that are sent, not the object they are made from',
    attempts: changed((_, { body }) => otherBodies(body).map((bytes) => ({ bodyHash: hashBody(bytes) }))),
  },
  {
    hint: 'Another host was signed: sign the one this server is called by, as in the text (PUBLIC_HOSTS names it behind a gateway)',
    attempts: changed(({ host }, { url }) => otherHosts(host, url).map((other) => ({ host: other }))),
  },
  {
    hint: 'Another path was signed: sign it whole and as sent, percent-encoding included (PUBLIC_BASE_PATH names what a gateway strips)',
    attempts: changed(({ path }, { url }) => otherPaths(path, url).map((other) => ({ path: other }))),
  },
  {
    hint: 'Another session id was signed: it is the claim "sid" of the access token, and - for a partner',
    attempts: changed(() => [{ sessionId: undefined }]),
  },
  {
    hint: 'Another method was signed: it is in upper case',
    attempts: changed(({ method }) => [
      { method: method.toLowerCase() },
      { method: 'GET' },
      { method: 'POST' },
    ]),
  },
  {
    hint: 'The query was signed in another form: percent-encode names and values, sort the pairs, join them by &',
    attempts: (parts, key, { url }) =>
      otherQueries(url).map((query) => ({ text: withLine(canonicalRequest(parts), QUERY_LINE, query), key })),
  },
  {
    hint: 'The lines are joined by one LF each, none at the end, the scheme in the first one',
    attempts: (parts, key) => otherLines(canonicalRequest(parts)).map((text) => ({ text, key })),
  },
]

const QUERY_LINE = 7

/** Tells why a signature does not fit, as far as that can be found out by trying. */
export function explainRefusal(refusal: Refusal): Explanation {
  const { found, expected } = refusal
  const text = alternatives(expected)
  if ('problem' in found) return { canonicalRequest: text, hint: found.problem }
  const mistake = MISTAKES.find(({ attempts }) =>
    expected.some((parts) =>
      attempts(parts, found.key, refusal).some((attempt) => fits(attempt, refusal.sig)),
    ),
  )
  return { canonicalRequest: text, hint: mistake?.hint ?? OTHERWISE }
}

/** The same for a header that can't be read: what the client has to fill in stands in angle brackets. */
export function explainMalformed(expected: readonly RequestParts[]): Explanation {
  const blanks = { kid: '<kid>', ts: '<ts>', nonce: '<nonce>', sessionId: '<sid or ->' }
  return {
    canonicalRequest: alternatives(expected.map((parts) => ({ ...parts, ...blanks }))),
    hint: 'Sign this text by HMAC-SHA256 and send X-Signature: v1;kid=<kid>;ts=<ts>;nonce=<nonce>;sig=<base64url>',
  }
}

/** The same for a webhook. */
export function explainDelivery(
  { id, timestamp }: WebhookHeaders,
  body: Uint8Array,
  keys: number,
): Explanation {
  return {
    canonicalRequest: `${id}.${timestamp}.${Buffer.from(body).toString()}`,
    hint:
      keys === 0
        ? 'PARTNER_KEYS has no key of this partner'
        : 'Sign the raw body, and decode the secret from base64 after whsec_; sent is v1,<base64>',
  }
}

/** Any of the texts will do; an empty line parts them. */
function alternatives(expected: readonly CanonicalParts[]): string {
  return expected.map(canonicalRequest).join('\n\n')
}

function fits({ text, key }: Attempt, sig: string): boolean {
  return timingSafeEqual(requestMac(key, text), Buffer.from(sig, 'base64url'))
}

/** Attempts with the right key over the same request with some part changed. */
function changed(
  changes: (parts: CanonicalParts, refusal: Refusal) => readonly Partial<CanonicalParts>[],
): Mistake['attempts'] {
  return (parts, key, refusal) =>
    changes(parts, refusal).map((change) => ({ text: canonicalRequest({ ...parts, ...change }), key }))
}

function otherBodies(body: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(body).toString()
  const texts = ['', '{}', text.trim(), `${text}\n`, ...respelled(text)]
  return texts.map((other) => Buffer.from(other))
}

/** The same JSON as the usual libraries write it. */
function respelled(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text)
    return [JSON.stringify(value), JSON.stringify(value, null, 2), pythonJson(value)]
  } catch {
    return [] // no JSON
  }
}

/** With a space after colon and comma. */
function pythonJson(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replace(/\n */g, ' ')
    .replace(/([{[]) | ([}\]])/g, '$1$2')
}

function otherHosts(host: string, { host: called }: URL): readonly string[] {
  const port = /:\d+$/.exec(called)?.[0] ?? ''
  const names = ['localhost', '127.0.0.1', called, host].map((name) => name.replace(/:\d+$/, ''))
  return [...names.flatMap((name) => [name, `${name}${port}`]), '']
}

function otherPaths(path: string, { pathname, search }: URL): readonly string[] {
  const below = pathname.replace(/^\/api\/v1/, '')
  return [pathname, below, path + search, `${path}/`, decoded(path), '']
}

function otherQueries({ search }: URL): readonly string[] {
  const raw = search.slice(1)
  return ['', raw, search, decoded(raw), raw.split('&').toSorted().join('&')]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a stray percent sign
  }
}

function withLine(text: string, at: number, line: string): string {
  return text.split('\n').with(at, line).join('\n')
}

function otherLines(text: string): readonly string[] {
  const lines = text.split('\n')
  return [`${text}\n`, lines.join('\r\n'), lines.join('\\n'), lines.slice(1).join('\n')]
}
