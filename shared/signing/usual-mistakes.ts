import { canonicalHost, type CanonicalParts, canonicalRequest, hashBody } from './canonical-request.ts'

/** A call as it came. */
export interface Called {
  readonly body: Uint8Array
  /** The target as it came. */
  readonly url: URL
  /** The same session's key at other refresh generations. */
  readonly otherKeys: readonly Uint8Array[]
}

export interface Attempt {
  readonly text: string
  readonly key: Uint8Array
}

/** A usual mistake: what a client that makes it would have signed, and with which key. */
export interface Mistake {
  readonly hint: string
  readonly attempts: (parts: CanonicalParts, key: Uint8Array, called: Called) => readonly Attempt[]
}

export const USUAL_MISTAKES: readonly Mistake[] = [
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
    hint: 'A port was signed that the Host header came without: :80 and :443 are left out of the text; a proxy has to pass any other on (nginx: proxy_set_header Host $http_host), or PUBLIC_HOSTS to name it',
    attempts: (parts, key) =>
      hostsWithPorts(parts.host).map((host) => ({
        text: withLine(canonicalRequest(parts), HOST_LINE, host),
        key,
      })),
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

const HOST_LINE = 5
const QUERY_LINE = 7
const PORT = /:\d+$/

/** The schemes' own, and those that servers under development like to listen on. */
const USUAL_PORTS = [80, 443, 3000, 5000, 8000, 8080, 8443, 8888, 9000, 9443]

/** Whether a host says which port was called. */
export function hasPort(host: string): boolean {
  return PORT.test(host)
}

/** Attempts with the right key over the same request with some part changed. */
function changed(
  changes: (parts: CanonicalParts, called: Called) => readonly Partial<CanonicalParts>[],
): Mistake['attempts'] {
  return (parts, key, called) =>
    changes(parts, called).map((change) => ({ text: canonicalRequest({ ...parts, ...change }), key }))
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
  const port = PORT.exec(called)?.[0] ?? ''
  const names = ['localhost', '127.0.0.1', called, host].map((name) => name.replace(PORT, ''))
  return [...names.flatMap((name) => [name, `${name}${port}`]), '']
}

function hostsWithPorts(host: string): readonly string[] {
  const name = canonicalHost(host)
  return hasPort(name) ? [] : USUAL_PORTS.map((port) => `${name}:${port}`)
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
