/** Methods a `Request` cannot carry (TRACE, CONNECT) or that no function of ours takes from a proxy. */
const REFUSED_METHODS = new Set(['TRACE', 'CONNECT'])
const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.~-]+)(?::\d{1,5})?$/i

/** The parts of a request head that the two runtimes' own parsers disagree about. */
export interface Head {
  readonly isHttp11: boolean
  readonly method: string
  readonly target: string
  /** What the runtime makes of target and Host. */
  readonly url: string
  /** The header's value; several lines joined by a comma, as `Headers` gives them. */
  readonly host: string | null
  readonly contentLength: string | null
  readonly transferEncoding: string | null
}

/**
 * The answer to a request that must not reach an app, or undefined. Both runtimes refuse most of what request
 * smuggling lives on; what one of them lets through is refused here, so that an instance behaves alike on both.
 *
 * @see RFC 9112 §3.2 (one Host), §6.1 (only chunked), §6.3 (one Content-Length)
 */
export function refusal({
  isHttp11,
  method,
  target,
  url,
  host,
  contentLength,
  transferEncoding,
}: Head): Response | undefined {
  if (REFUSED_METHODS.has(method)) return refuse(405)
  // Bun joins two equal Content-Length lines into "5, 5" and goes on.
  if (contentLength !== null && !/^\d+$/.test(contentLength)) return refuse(400)
  // Node takes "gzip, chunked" and would hand over compressed bytes as the body.
  if (transferEncoding !== null && transferEncoding.toLowerCase() !== 'chunked') return refuse(400)
  // HTTP/1.0 has no chunks: whoever forwards it to us may have read the body another way.
  if (transferEncoding !== null && (contentLength !== null || !isHttp11)) return refuse(400)
  // `*` and anything else that is no path has no place in a URL.
  if (!/^(\/|[a-z][a-z0-9+.-]*:\/\/)/i.test(target)) return refuse(400)
  // Two Host lines, or a host that is none, make `request.url` whatever the sender likes.
  if (host !== null && !HOST.test(host)) return refuse(400)
  // `a:99999` and `256.256.256.256` look like hosts and make no URL.
  if (!URL.canParse(url)) return refuse(400)
  return undefined
}

/** Closes the connection: where two parties disagree on a head, what follows it on the wire cannot be trusted. */
function refuse(status: 400 | 405): Response {
  return new Response(null, { status, headers: { connection: 'close' } })
}
