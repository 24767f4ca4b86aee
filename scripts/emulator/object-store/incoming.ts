import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { Refusal } from './refusal.ts'

export type Flavour = 's3' | 'cos' | 'oss'

/** A request as it arrived, its target found. */
export interface Incoming {
  readonly message: IncomingMessage
  readonly method: string
  readonly host: string
  /** As sent: encoded, without the query. */
  readonly path: string
  readonly bucket: string
  /** Undefined for the bucket itself. */
  readonly key: string | undefined
  /** Decoded; undefined for a name without `=`. */
  readonly query: ReadonlyMap<string, string | undefined>
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Reads a request. Addressed by IP the bucket's name begins the path; by `<bucket>.anything` and any other name, which is
 * a CNAME then, the host is the bucket.
 */
export function readIncoming(message: IncomingMessage, bucket: string): Incoming {
  const [path, search = ''] = splitOnce(message.url ?? '/', '?')
  const host = message.headers.host ?? ''
  const decoded = decodeText(path).slice(1)
  const target = isIP(hostname(host)) === 0 ? [bucket, decoded] : splitOnce(decoded, '/')
  const [named, key = ''] = target
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : (value ?? ''),
    ]),
  )
  const method = message.method ?? 'GET'
  return {
    message,
    method,
    host,
    path,
    bucket: named,
    key: key || undefined,
    query: readQuery(search),
    headers,
  }
}

function readQuery(search: string): ReadonlyMap<string, string | undefined> {
  const query = new Map<string, string | undefined>()
  for (const pair of search.split('&').filter((text) => text !== '')) {
    const [name, value] = splitOnce(pair, '=')
    if (query.has(decodeText(name))) throw new Refusal('InvalidArgument', 'A parameter is given twice')
    query.set(decodeText(name), value === undefined ? undefined : decodeText(value))
  }
  return query
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refusal('InvalidURI')
  }
}

export function splitOnce(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)]
}

function hostname(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
