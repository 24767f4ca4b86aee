import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { randomId } from '#shared/ids.ts'
import { AWKWARD_KEYS } from '#tests/contracts/object-store.ts'
import { bytesOf, postForm, readAll } from './bodies.ts'
import { officialCos, officialOss, officialS3 } from './official-sdks.ts'
import { BUCKET, REGION, type StartedStore, startStore } from './start-store.ts'

const never = new AbortController().signal
const Bucket = BUCKET
const Region = REGION

let started: StartedStore
beforeAll(async () => {
  started = await startStore()
})
afterAll(() => started.stop())

const s3 = () => officialS3({ endpoint: `http://127.0.0.1:${started.port}`, forcePathStyle: true })
const oss = () => officialOss({ bucket: Bucket, endpoint: `http://localhost:${started.port}`, cname: true })
const cos = () => officialCos({ Domain: `localhost:${started.port}`, Protocol: 'http:' })

/** The operations that each SDK does in its own words. */
const SDKS = {
  s3: {
    async write(Key: string, Body: Buffer) {
      await s3().send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'text/plain' }))
    },
    async read(Key: string) {
      const { Body } = await s3().send(new GetObjectCommand({ Bucket, Key }))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    },
    async type(Key: string) {
      return (await s3().send(new HeadObjectCommand({ Bucket, Key }))).ContentType
    },
    async list(Prefix: string) {
      const { Contents = [] } = await s3().send(new ListObjectsV2Command({ Bucket, Prefix }))
      return Contents.map(({ Key }) => Key)
    },
    async delete(Key: string) {
      await s3().send(new DeleteObjectCommand({ Bucket, Key }))
    },
  },
  oss: {
    async write(key: string, body: Buffer) {
      await oss().put(key, body, { mime: 'text/plain' })
    },
    read: async (key: string) => (await oss().get(key)).content,
    type: async (key: string) => (await oss().head(key)).res.headers['content-type'],
    async list(prefix: string) {
      return ((await oss().listV2({ prefix, 'max-keys': 10 })).objects ?? []).map(({ name }) => name)
    },
    async delete(key: string) {
      await oss().delete(key)
    },
  },
  cos: {
    async write(Key: string, Body: Buffer) {
      await cos().putObject({ Bucket, Region, Key, Body, ContentType: 'text/plain' })
    },
    read: async (Key: string) => (await cos().getObject({ Bucket, Region, Key })).Body,
    type: async (Key: string) =>
      (await cos().headObject({ Bucket, Region, Key })).headers?.['content-type'] as unknown,
    async list(Prefix: string) {
      return (await cos().getBucket({ Bucket, Region, Prefix })).Contents.map(({ Key }) => Key)
    },
    async delete(Key: string) {
      await cos().deleteObject({ Bucket, Region, Key })
    },
  },
} as const

const NAMES = ['s3', 'oss', 'cos'] as const

test.each(NAMES.flatMap((sdk) => AWKWARD_KEYS.map((name) => [sdk, name] as const)))(
  'the official SDK of %s reads and lists what the port wrote as %s, and the other way round',
  async (scheme, name) => {
    const prefix = `${randomId()}/`
    const [ours, theirs] = [`${prefix}ours/${name}`, `${prefix}theirs/${name}`]
    const store = started.open({ scheme, style: 'path' })
    const sdk = SDKS[scheme]
    await store.put(ours, Buffer.from('ours 函'), { contentType: 'text/plain' }, never)
    await sdk.write(theirs, Buffer.from('theirs 函'))

    const read = await sdk.read(ours)
    const got = await store.get(theirs, {}, never)
    const listed = await sdk.list(prefix)
    const type = await sdk.type(ours)
    await sdk.delete(ours)

    expect(read.toString()).toBe('ours 函')
    expect(got && (await readAll(got.body)).toString()).toBe('theirs 函')
    expect(got?.info.contentType).toBe('text/plain')
    expect(type).toBe('text/plain')
    expect(listed).toEqual([ours, theirs])
    expect(await store.head(ours, never)).toBeUndefined()
  },
)

test('a large file that the SDK of OSS sends in parts is one object', async () => {
  const key = `${randomId()}/大.bin`

  await oss().multipartUpload(key, Buffer.from(bytesOf(700_000)), { partSize: 200 * 1024 })

  const got = await started.open({ scheme: 'cos', style: 'path' }).get(key, {}, never)
  expect(got && (await readAll(got.body)).equals(bytesOf(700_000))).toBe(true)
})

test('a large file that the SDK of COS sends in parts is one object', async () => {
  const Key = `${randomId()}/大.bin`

  const folder = await mkdtemp(join(tmpdir(), 'sdk-'))
  await writeFile(join(folder, 'file'), bytesOf(2_500_000))

  await cos().sliceUploadFile({
    Bucket,
    Region,
    Key,
    FilePath: join(folder, 'file'),
    ChunkSize: 1024 * 1024,
  })
  await rm(folder, { recursive: true })

  const got = await started.open({ scheme: 'oss', style: 'path' }).get(Key, {}, never)
  expect(got && (await readAll(got.body)).equals(bytesOf(2_500_000))).toBe(true)
})

test('URLs and forms of the SDK of S3 work', async () => {
  const Key = `${randomId()}/a b+c.png`
  const form = await createPresignedPost(s3(), {
    Bucket,
    Key,
    Conditions: [['content-length-range', 1, 100]],
    Expires: 60,
  })

  const posted = await postForm(form, { bytes: bytesOf(50) })
  const url = await getSignedUrl(s3(), new GetObjectCommand({ Bucket, Key, ResponseContentType: 'text/x' }))
  const got = await fetch(url)
  const tooLong = await postForm(form, { bytes: bytesOf(101) })

  expect([posted.status, got.status, tooLong.status]).toEqual([204, 200, 400])
  expect(got.headers.get('content-type')).toBe('text/x')
})

test('URLs of the SDKs of OSS and COS work', async () => {
  const key = `${randomId()}/a b+c~.txt`
  await started
    .open({ scheme: 's3', style: 'path' })
    .put(key, Buffer.from('x'), { contentType: 'text/plain' }, never)

  const ossUrl = await oss().signatureUrlV4('GET', 60, {}, key)
  const cosUrl = cos().getObjectUrl({ Bucket, Region, Key: key, Sign: true }, () => {})

  expect([(await fetch(ossUrl)).status, (await fetch(cosUrl)).status]).toEqual([200, 200])
})
