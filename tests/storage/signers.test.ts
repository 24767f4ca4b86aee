import { describe, expect, test } from '@jest/globals'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import COS from 'cos-nodejs-sdk-v5'
import { secret } from '#shared/secret.ts'
import { cosScheme } from '#shared/storage/cos-scheme.ts'
import { ossScheme } from '#shared/storage/oss-scheme.ts'
import { encodePath } from '#shared/storage/percent-encode.ts'
import { s3Scheme, S3_DIALECT } from '#shared/storage/s3-scheme.ts'
import type { Unsigned } from '#shared/storage/scheme.ts'
import { v4Signature } from '#shared/storage/v4-signature.ts'
import { AWKWARD_KEYS } from '#tests/contracts/object-store.ts'
import { officialOss, officialS3 } from './official-sdks.ts'
import { ACCESS_KEY_ID, BUCKET, REGION, SECRET_KEY } from './start-store.ts'

const NOW_MS = Date.UTC(2026, 10, 23, 4, 5, 6)
const credentials = { accessKeyId: ACCESS_KEY_ID, secretKey: secret(SECRET_KEY) }
const signing = { credentials, region: REGION, nowMs: NOW_MS }

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'] as const
const QUERIES: readonly Readonly<Record<string, string>>[] = [
  {},
  { uploads: '' },
  { partNumber: '12', uploadId: 'a+b/c=~&?' },
  { 'response-content-disposition': `attachment; filename="a b.txt"; filename*=UTF-8''%E5%87%BD` },
  { 'list-type': '2', 'max-keys': '10', prefix: "照片/ a+b*()!'" },
]
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'content-type': 'image/png' },
  { 'content-type': "text/plain; charset='utf-8'", 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' },
]
const CASES = AWKWARD_KEYS.flatMap((key) =>
  METHODS.flatMap((method) =>
    QUERIES.flatMap((query) => HEADERS.map((headers) => ({ key, method, query, headers }))),
  ),
)

function unsigned(one: (typeof CASES)[number], host: string): Unsigned {
  return { ...one, host, bucket: BUCKET, path: `/${encodePath(one.key)}` }
}

test('COS: headers are signed as the official SDK signs them, for every case', () => {
  const host = `${BUCKET}.cos.${REGION}.myqcloud.com`

  const differing = CASES.filter((one) => {
    const { authorization = '' } = cosScheme.signedHeaders(unsigned(one, host), signing)
    const KeyTime = /q-key-time=([^&]*)/.exec(authorization)?.[1]
    const official = cosAuthorization(one, host, KeyTime)
    return authorization !== official
  })

  expect(CASES).toHaveLength(675)
  expect(differing).toEqual([])
})

test('COS: a URL carries the signature that the official SDK makes, for every case', () => {
  const host = 'files.example.com'

  const differing = CASES.filter((one) => {
    const query = cosScheme.presignedQuery(unsigned(one, host), signing, 600)
    const official = cosAuthorization(one, host, query['q-key-time'])
    return !official.endsWith(`&q-signature=${query['q-signature']}`)
  })

  expect(differing).toEqual([])
})

test('OSS: headers are signed as the official SDK signs them, for every case', () => {
  const official = officialOss({ bucket: BUCKET })

  const differing = CASES.filter((one) => {
    const { authorization, ...headers } = ossScheme.signedHeaders(unsigned(one, 'any.example.com'), signing)
    const queries = Object.fromEntries(
      Object.entries(one.query).map(([name, value]) => [name, value || null]),
    )
    return authorization !== official.authorizationV4(one.method, { headers, queries }, BUCKET, one.key)
  })

  expect(differing).toEqual([])
})

test('OSS: a URL carries the signature that the official SDK makes, for every case', async () => {
  const official = officialOss({ bucket: BUCKET })

  const differing: unknown[] = []
  for (const one of CASES) {
    const queries = Object.fromEntries(
      Object.entries(one.query).map(([name, value]) => [name, value || null]),
    )
    const url = new URL(
      await official.signatureUrlV4(one.method, 600, { headers: one.headers, queries }, one.key),
    )
    const nowMs = v4TimeMs(url.searchParams.get('x-oss-date'))
    const query = ossScheme.presignedQuery(unsigned(one, 'any.example.com'), { ...signing, nowMs }, 600)
    if (query['x-oss-signature'] !== url.searchParams.get('x-oss-signature')) differing.push(one)
  }

  expect(differing).toEqual([])
})

describe('S3', () => {
  const COMMANDS = {
    GET: (Key: string) =>
      new GetObjectCommand({ Bucket: BUCKET, Key, ResponseContentDisposition: `a "b" 'c'` }),
    HEAD: (Key: string) => new HeadObjectCommand({ Bucket: BUCKET, Key }),
    PUT: (Key: string) => new PutObjectCommand({ Bucket: BUCKET, Key, ContentType: 'image/png' }),
  } as const

  test.each(AWKWARD_KEYS)('a URL for %s carries the signature that the official SDK makes', async (key) => {
    const client = officialS3()
    for (const method of ['GET', 'HEAD', 'PUT'] as const) {
      const official = new URL(
        await getSignedUrl(client, COMMANDS[method](key), { expiresIn: 600, signingDate: new Date(NOW_MS) }),
      )
      const { 'X-Amz-Signature': wanted, ...given } = Object.fromEntries(official.searchParams)
      const request = {
        method,
        host: official.host,
        bucket: BUCKET,
        key,
        path: `/${encodePath(key)}`,
        headers: {},
      }

      const query = s3Scheme.presignedQuery({ ...request, query: given }, signing, 600)

      expect(official.pathname).toBe(request.path)
      expect(query).toEqual({ ...given, 'X-Amz-Signature': wanted })
    }
  })

  test('a policy is signed as the official SDK signs it', async () => {
    const { fields } = await createPresignedPost(officialS3(), { Bucket: BUCKET, Key: '照片/a b.png' })
    const day = { day: fields['X-Amz-Date']?.slice(0, 8) ?? '', region: REGION }

    const signature = v4Signature(S3_DIALECT, SECRET_KEY, day, fields['Policy'] ?? '')

    expect(signature).toBe(fields['X-Amz-Signature'])
  })
})

test('OSS: a policy is signed as the official SDK signs it', () => {
  const terms = {
    bucket: BUCKET,
    key: '照片/a b.png',
    minBytes: 1,
    maxBytes: 9,
    contentType: 'image/png',
    expiresInS: 60,
  }

  const fields = ossScheme.formFields(terms, signing)

  const policy = Buffer.from(fields['policy'] ?? '', 'base64').toString()
  const official = officialOss({ bucket: BUCKET }).signPostObjectPolicyV4(policy, new Date(NOW_MS))
  expect(fields['x-oss-signature']).toBe(official)
})

function v4TimeMs(time: string | null): number {
  const [, year, month, day, hour, minute, second] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(time ?? '') ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function cosAuthorization(one: (typeof CASES)[number], host: string, keyTime: string | undefined): string {
  const options = {
    SecretId: ACCESS_KEY_ID,
    SecretKey: SECRET_KEY,
    Method: one.method,
    Key: one.key,
    Query: one.query,
    Headers: { ...one.headers, host },
    KeyTime: keyTime,
  }
  return COS.getAuthorization(options as Parameters<typeof COS.getAuthorization>[0]) // its types lack HEAD
}
