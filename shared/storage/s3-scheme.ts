import { encodePath } from './percent-encode.ts'
import type { Scheme, Texts, Unsigned } from './scheme.ts'
import { type V4Dialect, v4Signer } from './v4-scheme.ts'

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html */
export const S3_DIALECT: V4Dialect = {
  algorithm: 'AWS4-HMAC-SHA256',
  keyPrefix: 'AWS4',
  service: 's3',
  terminator: 'aws4_request',
  headerPrefix: 'x-amz-',
  queryNames: {
    algorithm: 'X-Amz-Algorithm',
    credential: 'X-Amz-Credential',
    date: 'X-Amz-Date',
    expires: 'X-Amz-Expires',
    signedHeaders: 'X-Amz-SignedHeaders',
    token: 'X-Amz-Security-Token',
    signature: 'X-Amz-Signature',
  },
  formNames: {
    algorithm: 'x-amz-algorithm',
    credential: 'x-amz-credential',
    date: 'x-amz-date',
    token: 'x-amz-security-token',
    signature: 'x-amz-signature',
  },
  pair: (name, value) => `${name}=${value}`,
  canonicalPath: ({ path }) => path,
  coveredHeaders: ({ headers, host }: Unsigned): Texts => ({ ...headers, host }),
  namedHeaders: (names) => names.join(';'),
  authorization: (credential, signedHeaders, signature) =>
    `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
  contentTypeCondition: 'Content-Type',
  contentTypeField: 'Content-Type',
}

/** S3 and what speaks like it, with Signature Version 4. The host is signed, so URLs are made for the host that clients call. */
export const s3Scheme: Scheme = {
  ...v4Signer(S3_DIALECT),
  origins(bucket, region) {
    const origin = `https://${bucket}.s3.${region}.amazonaws.com`
    return { public: origin, internal: origin }
  },
  copyHeaders: ({ bucket, key }, etag) => ({
    'x-amz-copy-source': encodePath(`/${bucket}/${key}`),
    'x-amz-copy-source-if-match': `"${etag}"`,
  }),
  rangeHeaders: {},
  listQuery: ({ prefix, after, limit }) => ({
    'list-type': '2',
    prefix,
    'max-keys': String(limit),
    ...(after === undefined ? {} : { 'start-after': after }),
  }),
}
