import { createHash, createHmac } from 'node:crypto'
import { encodedPolicy, FORM_STATUS, policyOf } from './form-policy.ts'
import type { FormTerms } from './object-store.ts'
import { encodePath, encodeQuery, percentEncode } from './percent-encode.ts'
import type { Scheme, Signing, Texts, Unsigned } from './scheme.ts'

const ALGORITHM = 'sha1'
const HEADERS_VALID_S = 900
/** Clocks differ a little, and a signature of the future is refused. */
const EARLIER_S = 60

/**
 * Tencent Cloud COS. Its signatures do not cover the bucket, so the host always is: else a signature for one bucket
 * would open the same key of every other.
 *
 * @see https://cloud.tencent.com/document/product/436/7778
 */
export const cosScheme: Scheme = {
  origins(bucket, region) {
    const origin = `https://${bucket}.cos.${region}.myqcloud.com` // resolves to the inner network from inside
    return { public: origin, internal: origin }
  },

  signedHeaders(request, signing) {
    const token = signing.credentials.sessionToken?.reveal()
    const terms = cosTerms({ ...request, headers: { ...request.headers, host: request.host } }, signing)
    return {
      ...request.headers,
      ...(token === undefined ? {} : { 'x-cos-security-token': token }),
      authorization: Object.entries(terms)
        .map(([name, value]) => `${name}=${value}`)
        .join('&'),
    }
  },

  presignedQuery(request, signing, expiresInS) {
    const token = signing.credentials.sessionToken?.reveal()
    const headers = { ...request.headers, host: request.host }
    return {
      ...request.query,
      ...cosTerms({ ...request, headers }, signing, expiresInS),
      ...(token === undefined ? {} : { 'x-cos-security-token': token }),
    }
  },

  formFields: cosForm,

  copyHeaders: ({ bucket, region, key }, etag) => ({
    'x-cos-copy-source': `${bucket}.cos.${region}.myqcloud.com/${encodePath(key)}`,
    'x-cos-copy-source-if-match': `"${etag}"`,
  }),

  rangeHeaders: {},

  listQuery: ({ prefix, after, limit }) => ({
    prefix,
    'max-keys': String(limit),
    ...(after === undefined ? {} : { marker: after }),
  }),
}

function cosTerms(request: Unsigned, signing: Signing, expiresInS = HEADERS_VALID_S): Texts {
  const time = keyTime(signing.nowMs, expiresInS)
  return {
    'q-sign-algorithm': ALGORITHM,
    'q-ak': signing.credentials.accessKeyId,
    'q-sign-time': time,
    'q-key-time': time,
    'q-header-list': nameList(request.headers),
    'q-url-param-list': nameList(request.query),
    'q-signature': cosSignature({ ...request, path: decodeURIComponent(request.path) }, signing, time),
  }
}

/** The signature of a request in hex; its path is not encoded, its headers and parameters are those listed. */
function cosSignature(request: Unsigned, { credentials }: Signing, time: string): string {
  const lines = [request.method.toLowerCase(), request.path, pairs(request.query), pairs(request.headers), '']
  const text = [ALGORITHM, time, sha1(lines.join('\n')), ''].join('\n')
  return hmac(hmac(credentials.secretKey.reveal(), time), text)
}

function cosForm(terms: FormTerms & { readonly bucket: string }, signing: Signing): Texts {
  const { credentials } = signing
  const time = keyTime(signing.nowMs, terms.expiresInS)
  const token = credentials.sessionToken?.reveal()
  const tokenField: Texts = token === undefined ? {} : { 'x-cos-security-token': token }
  const identity = { 'q-sign-algorithm': ALGORITHM, 'q-ak': credentials.accessKeyId }
  const pinned = { ...identity, 'q-sign-time': time, ...tokenField }
  const contentType = ['Content-Type', terms.contentType] as const
  const policy = policyOf(terms, signing.nowMs, { contentType, pinned })
  return {
    key: terms.key,
    'Content-Type': terms.contentType,
    success_action_status: FORM_STATUS,
    ...identity,
    'q-key-time': time,
    ...tokenField,
    policy: encodedPolicy(policy),
    'q-signature': hmac(hmac(credentials.secretKey.reveal(), time), sha1(policy)),
  }
}

function keyTime(nowMs: number, expiresInS: number): string {
  const nowS = Math.floor(nowMs / 1_000)
  return `${nowS - EARLIER_S};${nowS + expiresInS}`
}

function pairs(values: Texts): string {
  return encodeQuery(lowerNames(values))
}

function lowerNames(values: Texts): Texts {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name.toLowerCase(), value]))
}

function nameList(values: Texts): string {
  return Object.keys(values)
    .map((name) => percentEncode(name).toLowerCase())
    .sort()
    .join(';')
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

function hmac(key: string, text: string): string {
  return createHmac('sha1', key).update(text).digest('hex')
}
