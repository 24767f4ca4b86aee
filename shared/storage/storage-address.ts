import { cosScheme } from './cos-scheme.ts'
import { ossScheme } from './oss-scheme.ts'
import { s3Scheme } from './s3-scheme.ts'
import type { Scheme } from './scheme.ts'

const SCHEMES: Readonly<Record<string, Scheme>> = { s3: s3Scheme, cos: cosScheme, oss: ossScheme }

/** A bucket and where it is. */
export interface StorageAddress {
  readonly scheme: Scheme
  readonly bucket: string
  readonly region: string
  /** Scheme, host and port: for clients, and for this program. */
  readonly origins: { readonly public: string; readonly internal: string }
  /** Whether the bucket's name begins the path instead of the host. */
  readonly pathStyle: boolean
  /** Of a bucket on this machine's disk: its absolute path. */
  readonly folder?: string
}

const BEGINNING = `must begin with ${[...Object.keys(SCHEMES), 'disk'].join('://, ')}://`
const SETTINGS: ReadonlySet<string> = new Set(['region', 'public', 'internal', 'style'])
const DISK_SETTINGS: ReadonlySet<string> = new Set(['public'])
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const REGION = /^[a-z0-9][a-z0-9-]{0,40}$/

/**
 * Reads a setting such as `cos://bucket-1250000000?region=ap-guangzhou`, `oss://bucket?region=cn-hangzhou` or
 * `s3://bucket?region=us-east-1`. `public` and `internal` give other origins than the vendor's (a CNAME is one:
 * `public=https://files.example.com`), `style=path` puts the bucket's name at the beginning of the path at both.
 *
 * `disk:///absolute/folder?public=http://127.0.0.1:9001` is a folder, and where the server of the local cloud that serves
 * it to clients is.
 *
 * @throws TypeError that says what is wrong with it, as `must …`
 */
export function readStorageUrl(text: string): StorageAddress {
  const url = parsed(text)
  if (url.protocol === 'disk:') return diskAddress(url)
  const settings = url.searchParams
  const scheme = SCHEMES[url.protocol.slice(0, -1)]
  if (scheme === undefined) throw new TypeError(BEGINNING)
  requireKnown(settings, SETTINGS)
  const bucket = matching(url.hostname, BUCKET, 'name a bucket')
  const region = matching(settings.get('region') ?? '', REGION, 'set a region')
  const style = matching(settings.get('style') ?? 'host', /^(?:host|path)$/, 'set style to host or path')
  const vendor = scheme.origins(bucket, region)
  const publicOrigin = originOf(settings.get('public') ?? vendor.public, 'public')
  const internalOrigin = originOf(
    settings.get('internal') ?? ownInternal(settings, vendor.internal),
    'internal',
  )
  const origins = { public: publicOrigin, internal: internalOrigin }
  return { scheme, bucket, region, origins, pathStyle: style === 'path' }
}

/** What clients of a folder are given names a bucket all the same. */
export const DISK_BUCKET = { bucket: 'files', region: 'local' } as const

function diskAddress(url: URL): StorageAddress {
  requireKnown(url.searchParams, DISK_SETTINGS)
  const origin = originOf(url.searchParams.get('public') ?? '', 'public')
  const origins = { public: origin, internal: origin }
  return { scheme: s3Scheme, ...DISK_BUCKET, origins, pathStyle: true, folder: diskFolder(url) }
}

/** The folder of `disk:///folder`. @throws TypeError as `must …` */
export function diskFolder({ host, pathname }: URL): string {
  try {
    if (host === '' && pathname.length > 1) return decodeURIComponent(pathname)
  } catch {
    // not a path either
  }
  throw new TypeError('must name a folder by its absolute path, as disk:///folder')
}

function requireKnown(settings: URLSearchParams, known: ReadonlySet<string>): void {
  const unknown = [...settings.keys()].find((name) => !known.has(name))
  if (unknown !== undefined) throw new TypeError(`must not set "${unknown}"`)
}

function parsed(text: string): URL {
  if (!URL.canParse(text)) throw new TypeError(BEGINNING)
  return new URL(text)
}

/** A store of one's own has no vendor's address inside; a vendor's bucket with a CNAME still has. */
function ownInternal(settings: URLSearchParams, vendor: string): string {
  return settings.get('style') === 'path' ? (settings.get('public') ?? vendor) : vendor
}

function matching(text: string, pattern: RegExp, what: string): string {
  if (!pattern.test(text)) throw new TypeError(`must ${what}`)
  return text
}

function originOf(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOrigin =
    url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === ''
  if (!isOrigin) throw new TypeError(`must set ${name} to the origin of an http or https URL`)
  return url.origin
}
