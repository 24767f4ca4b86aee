import { createRequire } from 'node:module'
import { S3Client } from '@aws-sdk/client-s3'
import COS from 'cos-nodejs-sdk-v5'
import { ACCESS_KEY_ID, REGION, SECRET_KEY } from './start-store.ts'

/** What of ali-oss is used here; the package brings no types. */
export interface OssClient {
  put(
    key: string,
    body: Buffer,
    options?: { readonly mime?: string },
  ): Promise<{ readonly res: { readonly status: number } }>
  get(key: string): Promise<{ readonly content: Buffer }>
  head(key: string): Promise<{ readonly res: { readonly headers: Readonly<Record<string, string>> } }>
  delete(key: string): Promise<unknown>
  listV2(
    query: Readonly<Record<string, string | number>>,
  ): Promise<{ readonly objects?: readonly { readonly name: string }[] }>
  multipartUpload(key: string, file: Buffer, options: { readonly partSize: number }): Promise<unknown>
  signatureUrlV4(
    method: string,
    expiresInS: number,
    request: { readonly headers?: object; readonly queries?: object },
    key: string,
  ): Promise<string>
  authorizationV4(
    method: string,
    request: { readonly headers: object; readonly queries: object },
    bucket: string,
    key: string,
  ): string
  signPostObjectPolicyV4(policy: string, date: Date): string
}

// The package exports its client class; the cast names the part of it that is used.
const Oss = createRequire(import.meta.url)('ali-oss') as new (options: object) => OssClient

export function officialOss(options: object): OssClient {
  const account = { accessKeyId: ACCESS_KEY_ID, accessKeySecret: SECRET_KEY }
  return new Oss({ ...account, region: `oss-${REGION}`, authorizationV4: true, ...options })
}

export function officialS3(options: object = {}): S3Client {
  const credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_KEY }
  // Its default checksums would be sent in trailers, which neither COS nor OSS reads.
  return new S3Client({
    region: REGION,
    credentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    ...options,
  })
}

export function officialCos(options: object = {}): COS {
  return new COS({ SecretId: ACCESS_KEY_ID, SecretKey: SECRET_KEY, ...options })
}
