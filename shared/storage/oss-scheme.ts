import { bareWhenEmpty, encodePath } from './percent-encode.ts'
import { s3Scheme } from './s3-scheme.ts'
import type { Scheme, Texts, Unsigned } from './scheme.ts'
import { type V4Dialect, v4Signer } from './v4-scheme.ts'

/** What presigned URLs of parts cover besides. */
const ADDITIONAL = 'content-length'

/** @see https://help.aliyun.com/zh/oss/developer-reference/signature-version-4-recommend */
export const OSS_DIALECT: V4Dialect = {
  algorithm: 'OSS4-HMAC-SHA256',
  keyPrefix: 'aliyun_v4',
  service: 'oss',
  terminator: 'aliyun_v4_request',
  headerPrefix: 'x-oss-',
  queryNames: {
    algorithm: 'x-oss-signature-version',
    credential: 'x-oss-credential',
    date: 'x-oss-date',
    expires: 'x-oss-expires',
    signedHeaders: 'x-oss-additional-headers',
    token: 'x-oss-security-token',
    signature: 'x-oss-signature',
  },
  formNames: {
    algorithm: 'x-oss-signature-version',
    credential: 'x-oss-credential',
    date: 'x-oss-date',
    token: 'x-oss-security-token',
    signature: 'x-oss-signature',
  },
  pair: bareWhenEmpty,
  canonicalPath: ({ bucket, key }) => encodePath(`/${bucket}/${key ?? ''}`),
  coveredHeaders: ({ headers }: Unsigned): Texts =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => isCovered(name) || name === ADDITIONAL)),
  namedHeaders: (names) => names.filter((name) => !isCovered(name)).join(';'),
  authorization: (credential, _signedHeaders, signature) =>
    `OSS4-HMAC-SHA256 Credential=${credential},Signature=${signature}`,
  // The file part's own type, which clients guess by extension, beats the field Content-Type; this one beats both.
  contentTypeCondition: 'x-oss-content-type',
  contentTypeField: 'x-oss-content-type',
}

/** Alibaba Cloud OSS with V4 signatures. They cover bucket and key but not the host, so any CNAME serves. */
export const ossScheme: Scheme = {
  ...v4Signer(OSS_DIALECT),
  origins: (bucket, region) => ({
    public: `https://${bucket}.oss-${region}.aliyuncs.com`,
    internal: `https://${bucket}.oss-${region}-internal.aliyuncs.com`,
  }),
  copyHeaders: ({ bucket, key }, etag) => ({
    'x-oss-copy-source': encodePath(`/${bucket}/${key}`),
    'x-oss-copy-source-if-match': `"${etag}"`,
  }),
  // Else a range past the end is answered with the whole object and 200.
  rangeHeaders: { 'x-oss-range-behavior': 'standard' },
  listQuery: (page) => s3Scheme.listQuery(page),
}

/** Always covered, when present. */
export function isCovered(header: string): boolean {
  return header === 'content-type' || header === 'content-md5' || header.startsWith('x-oss-')
}
