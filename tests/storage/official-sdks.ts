import { S3Client } from '@aws-sdk/client-s3'
import Oss from 'ali-oss'
import Cos from 'cos-nodejs-sdk-v5'
import { ACCESS_KEY_ID, REGION, SECRET_KEY } from './start-store.ts'

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

export function officialOss(options: object): Oss {
  const account = { accessKeyId: ACCESS_KEY_ID, accessKeySecret: SECRET_KEY }
  return new Oss({ ...account, region: `oss-${REGION}`, authorizationV4: true, ...options })
}

export function officialCos(options: object = {}): Cos {
  return new Cos({ SecretId: ACCESS_KEY_ID, SecretKey: SECRET_KEY, ...options })
}
