const DEFAULT_PORT = 3310
const FORM = 'must be tcp://host:port or unix:///path/of/the/socket'

/**
 * Reads where clamd listens: `tcp://127.0.0.1:3310` or `unix:///run/clamav/clamd.ctl`.
 *
 * @throws TypeError that says what is wrong with it, as `must …`
 */
export function checkedClamdUrl(text: string): URL {
  if (!URL.canParse(text)) throw new TypeError(FORM)
  const url = new URL(text)
  const isBare = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  const isTcp = url.protocol === 'tcp:' && url.hostname !== '' && /^\/?$/.test(url.pathname)
  const isUnix = url.protocol === 'unix:' && url.host === '' && url.pathname.length > 1
  if (!isBare || !(isTcp || isUnix)) throw new TypeError(FORM)
  return url
}

/** For `connect` of node:net. */
export function clamdPlace(
  url: URL,
): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (url.protocol === 'unix:') return { path: decodeURIComponent(url.pathname) }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { host, port: url.port === '' ? DEFAULT_PORT : Number(url.port) }
}
