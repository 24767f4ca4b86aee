import type { Clock } from '#shared/clock.ts'
import { bareWhenEmpty, encodePath, encodeQuery } from './percent-encode.ts'
import { requireKey } from './require-key.ts'
import type { Credentials, Scheme, Texts } from './scheme.ts'

/** A bucket at one of its addresses. */
export interface Bucket {
  readonly scheme: Scheme
  readonly bucket: string
  readonly region: string
  /** Asked at every signature, since temporary credentials change. */
  readonly credentials: () => Credentials
  /** Scheme, host and port, such as `https://files.example.com`. */
  readonly origin: string
  /** Whether the bucket's name begins the path instead of the host. */
  readonly pathStyle: boolean
  readonly clock: Clock
}

export interface Bound {
  readonly method: string
  readonly key?: string
  readonly query?: Texts
  readonly headers?: Texts
}

export interface Signed {
  readonly url: string
  readonly headers: Texts
}

/** Signs requests to a bucket at this address. */
export interface Addressed {
  /** Of the bucket itself, where forms are posted. */
  readonly url: string
  signed(request: Bound): Signed
  presigned(request: Bound, expiresInS: number): string
  signing(): { readonly credentials: Credentials; readonly region: string; readonly nowMs: number }
}

const MAX_EXPIRY_S = 7 * 24 * 3_600

export function addressed(to: Bucket): Addressed {
  const { host } = new URL(to.origin)
  const root = to.pathStyle ? `/${to.bucket}/` : '/'

  function unsigned({ method, key, query = {}, headers = {} }: Bound) {
    const path = key === undefined ? root : root + encodePath(requireKey(key))
    return { method, host, bucket: to.bucket, key, path, query, headers }
  }

  const signing = () => ({ credentials: to.credentials(), region: to.region, nowMs: to.clock() })
  const urlOf = (path: string, query: Texts) => {
    const text = encodeQuery(query, bareWhenEmpty)
    return `${to.origin}${path}${text === '' ? '' : `?${text}`}`
  }

  return {
    url: to.origin + root,
    signed(request) {
      const whole = unsigned(request)
      return {
        url: urlOf(whole.path, whole.query),
        headers: to.scheme.signedHeaders(whole, signing()),
      }
    },
    presigned(request, expiresInS) {
      const whole = unsigned(request)
      return urlOf(whole.path, to.scheme.presignedQuery(whole, signing(), requireExpiry(expiresInS)))
    },
    signing,
  }
}

/** @throws RangeError for a time that no store grants */
export function requireExpiry(expiresInS: number): number {
  if (!Number.isInteger(expiresInS) || expiresInS < 1 || expiresInS > MAX_EXPIRY_S)
    throw new RangeError(
      `Cannot sign for ${expiresInS} s: it must be a whole number from 1 to ${MAX_EXPIRY_S}`,
    )
  return expiresInS
}
