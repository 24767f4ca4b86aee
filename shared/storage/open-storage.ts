import { systemClock, type Clock } from '#shared/clock.ts'
import { bucketStore } from './bucket-store.ts'
import { cosScheme } from './cos-scheme.ts'
import type { ObjectStore } from './object-store.ts'
import { ossScheme } from './oss-scheme.ts'
import { s3Scheme } from './s3-scheme.ts'
import type { Credentials, Scheme } from './scheme.ts'
import type { StoreLimits } from './store-call.ts'

const SCHEMES: Readonly<Record<string, Scheme>> = { s3: s3Scheme, cos: cosScheme, oss: ossScheme }

/** The beginnings of storage URLs. */
export const STORAGE_SCHEMES = Object.keys(SCHEMES)

export interface StorageOptions {
  /**
   * `cos://bucket-1250000000?region=ap-guangzhou`, `oss://bucket?region=cn-hangzhou`, `s3://bucket?region=us-east-1`, with
   * `public` and `internal` for other addresses than the vendor's (a CNAME is one: `public=https://files.example.com`) and
   * `style=path` where the bucket's name begins the path at both.
   */
  readonly url: URL
  readonly credentials: () => Credentials
  readonly clock?: Clock
  readonly limits?: StoreLimits
}

/**
 * The bucket of a deployment.
 *
 * @throws TypeError for a URL that names no bucket, no region or an unknown setting
 */
export function openStorage({ url, credentials, clock = systemClock, limits }: StorageOptions): ObjectStore {
  const { scheme, bucket, region, origins, pathStyle } = readStorageUrl(url)
  return bucketStore({
    scheme,
    bucket,
    region,
    credentials,
    clock,
    publicAddress: { origin: origins.public, pathStyle },
    internalAddress: { origin: origins.internal, pathStyle },
    ...(limits === undefined ? {} : { limits }),
  })
}

const SETTINGS: ReadonlySet<string> = new Set(['region', 'public', 'internal', 'style'])
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const REGION = /^[a-z0-9][a-z0-9-]{0,40}$/

/** What a storage URL says. @throws TypeError that says what is wrong with it, as `must …`. */
export function readStorageUrl(url: URL) {
  const settings = url.searchParams
  const scheme = SCHEMES[url.protocol.slice(0, -1)]
  if (scheme === undefined) throw new TypeError(`must begin with ${STORAGE_SCHEMES.join('://, ')}://`)
  const unknown = [...settings.keys()].find((name) => !SETTINGS.has(name))
  if (unknown !== undefined) throw new TypeError(`must not set "${unknown}"`)
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
