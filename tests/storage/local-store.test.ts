import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type LocalObjectStore, startObjectStore } from '#scripts/emulator/object-store/start-object-store.ts'
import { randomId } from '#shared/ids.ts'
import { secret } from '#shared/secret.ts'
import { type ObjectStore, PART_CONTENT_TYPE } from '#shared/storage/object-store.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'
import { eventually } from '#tests/services/eventually.ts'
import { bytesOf, postForm, readAll } from './bodies.ts'
import { keptBytes } from './kept-bytes.ts'
import { ACCESS_KEY_ID, BUCKET, REGION, SECRET_KEY, storageUrl } from './start-store.ts'

const never = new AbortController().signal
const text = { contentType: 'text/plain' }

let folder: string
let server: LocalObjectStore
let store: ObjectStore
const start = async () => {
  server = await startObjectStore({
    folder,
    bucket: BUCKET,
    accessKeyId: ACCESS_KEY_ID,
    secretKey: SECRET_KEY,
    region: REGION,
  })
  const credentials = () => ({ accessKeyId: ACCESS_KEY_ID, secretKey: secret(SECRET_KEY) })
  store = openStorage({
    at: readStorageUrl(storageUrl({ scheme: 's3', style: 'path' }, new URL(server.url).port)),
    credentials,
  })
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-store-'))
  await start()
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

const dataFiles = () => keptBytes(folder)

test('objects and uploads under way outlive a restart', async () => {
  const [key, big] = [`${randomId()}/文件 a.txt`, randomId()]
  await store.put(key, Buffer.from('kept'), text, never)
  const uploadId = await store.multipart.create(big, text, never)
  const part = { method: 'PUT', headers: { 'content-type': PART_CONTENT_TYPE }, body: 'part' }
  await fetch(
    store.multipart.presignPart({ key: big, uploadId, number: 1, sizeBytes: 4, expiresInS: 60 }),
    part,
  )
  await server.stop()

  await start()
  const got = await store.get(key, {}, never)
  const parts = await store.multipart.parts({ key: big, uploadId }, never)
  await store.multipart.complete({ key: big, uploadId, parts }, never)

  expect(got && (await readAll(got.body)).toString()).toBe('kept')
  expect((await store.head(big, never))?.sizeBytes).toBe(4)
})

test('a replaced object leaves one file, a deleted one none, and whoever reads it reads on', async () => {
  const before = await dataFiles()
  const key = randomId()
  await store.put(key, Buffer.alloc(2_000_000, 'a'), text, never)
  const got = await store.get(key, {}, never)

  await store.put(key, Buffer.from('b'), text, never)
  const during = await dataFiles()
  await store.delete(key, never)

  expect(during).toHaveLength(before.length + 1)
  expect(got && (await readAll(got.body)).equals(Buffer.alloc(2_000_000, 'a'))).toBe(true)
  expect((await dataFiles()).toSorted()).toEqual(before.toSorted())
})

test('of many writes of a key at once one stays, with its file only, also after a restart', async () => {
  const before = await dataFiles()
  const key = randomId()
  const bodies = Array.from({ length: 20 }, (_, index) => Buffer.from(`body ${index}`))

  await Promise.all(bodies.map((body) => store.put(key, body, text, never)))
  const during = await dataFiles()
  const got = await store.get(key, {}, never)
  const body = got && (await readAll(got.body)).toString()
  await server.stop()
  await start()
  const again = await store.get(key, {}, never)

  expect(during).toHaveLength(before.length + 1)
  expect(bodies.map(String)).toContain(body)
  expect(again && (await readAll(again.body)).toString()).toBe(body)
})

test('parts that arrive at once are all there after a restart', async () => {
  const key = randomId()
  const uploadId = await store.multipart.create(key, text, never)
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1)
  const send = (number: number) =>
    fetch(
      store.multipart.presignPart({
        key,
        uploadId,
        number,
        sizeBytes: `part ${number}`.length,
        expiresInS: 60,
      }),
      {
        method: 'PUT',
        headers: { 'content-type': PART_CONTENT_TYPE },
        body: `part ${number}`,
      },
    )

  await Promise.all(numbers.map(send))
  await server.stop()
  await start()

  const parts = await store.multipart.parts({ key, uploadId }, never)
  expect(parts.map(({ number }) => number)).toEqual(numbers)
})

describe('a client that goes away', () => {
  /** Sends the head of a request and a piece of its body, then breaks off. */
  async function breakOff(head: readonly string[], piece: string): Promise<void> {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    await new Promise((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\n${piece}`, resolve))
    await eventually(async () => (await dataFiles()).length > before, { withinMs: 5_000 })
    socket.destroy()
    await eventually(async () => (await dataFiles()).length === before, { withinMs: 5_000 })
  }
  let before = 0

  test('in the middle of a part leaves nothing', async () => {
    const key = randomId()
    const uploadId = await store.multipart.create(key, text, never)
    const url = new URL(
      store.multipart.presignPart({ key, uploadId, number: 1, sizeBytes: 1_000_000, expiresInS: 60 }),
    )
    before = (await dataFiles()).length
    const length = 'content-length: 1000000'

    await breakOff(
      [
        `PUT ${url.pathname}${url.search} HTTP/1.1`,
        `host: ${url.host}`,
        `content-type: ${PART_CONTENT_TYPE}`,
        length,
      ],
      'x'.repeat(1_000),
    )

    expect(await store.multipart.parts({ key, uploadId }, never)).toEqual([])
  })

  test('in the middle of a form leaves nothing', async () => {
    const key = randomId()
    const form = store.uploadForm({
      key,
      minBytes: 0,
      maxBytes: 1e6,
      contentType: 'image/png',
      expiresInS: 60,
    })
    const { pathname, host } = new URL(form.url)
    const fields = Object.entries(form.fields).map(([name, value]) => field(`name="${name}"`, value))
    before = (await dataFiles()).length

    await breakOff(
      [
        `POST ${pathname} HTTP/1.1`,
        `host: ${host}`,
        'content-type: multipart/form-data; boundary=cut',
        'content-length: 900000',
      ],
      `${fields.join('')}--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${'x'.repeat(70_000)}`,
    )

    expect(await store.head(key, never)).toBeUndefined()
  })

  function field(name: string, value: string): string {
    return `--cut\r\ncontent-disposition: form-data; ${name}\r\n\r\n${value}\r\n`
  }
})

describe('a form', () => {
  const form = () =>
    store.uploadForm({ key: randomId(), minBytes: 0, maxBytes: 9, contentType: 'image/png', expiresInS: 60 })

  test.each([
    ['without a file', 'multipart/form-data; boundary=b', '--b--\r\n', 400],
    ['that is none', 'application/json', '{}', 400],
    [
      'that breaks off',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n1',
      400,
    ],
    ['with no boundary', 'multipart/form-data', 'x', 400],
  ])('%s is refused', async (_, type, body, status) => {
    const answer = await fetch(form().url, { method: 'POST', headers: { 'content-type': type }, body })

    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain('<Error><Code>')
  })

  test('whose file is not last counts no field after it', async () => {
    const { url, fields } = form()
    const body = new FormData()
    body.append('file', new File([bytesOf(3)], 'a.png'))
    for (const [name, value] of Object.entries(fields)) body.append(name, value)

    const answer = await fetch(url, { method: 'POST', body })

    expect(answer.status).toBe(403)
    expect(await store.head(fields['key'] ?? '', never)).toBeUndefined()
  })

  test('far too long is refused before its end', async () => {
    const before = await dataFiles()

    const answer = await postForm(form(), { bytes: bytesOf(3_000_000) }).catch(() => undefined)

    expect([400, undefined]).toContain(answer?.status) // told, or cut off while still sending
    expect((await dataFiles()).toSorted()).toEqual(before.toSorted())
  })
})

test('a body that is not what was signed for is refused', async () => {
  const { S3Client, PutObjectCommand } = await import('@aws-sdk/client-s3')
  const client = new S3Client({
    region: REGION,
    endpoint: server.url,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_KEY },
  })
  const otherHash = createHash('sha256').update('other').digest('hex')
  const command = new PutObjectCommand({ Bucket: BUCKET, Key: 'hashed', Body: 'body' })
  command.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { headers: object }).headers, { 'x-amz-content-sha256': otherHash }) // an HttpRequest
      return next(args)
    },
    { step: 'build' },
  )

  await expect(client.send(command)).rejects.toMatchObject({ name: 'XAmzContentSHA256Mismatch' })
  expect(await store.head('hashed', never)).toBeUndefined()
})

test('another bucket is not there, and what the store does not do is said', async () => {
  const key = randomId()
  const url = new URL(store.presignGet(key, { expiresInS: 60 }))
  const other = new URL(url)
  other.pathname = `/other/${key}`

  const answers = [await fetch(other), await fetch(new URL('/', url)), await fetch(url, { method: 'PATCH' })]

  expect(answers.map(({ status }) => status)).toEqual([404, 404, 403])
  expect(await answers[0]?.text()).toContain('<Code>NoSuchBucket</Code>')
})

test('OSS alone answers a range past the end with everything, unless it is asked for the standard', async () => {
  const key = randomId()
  await store.put(key, Buffer.from('abc'), text, never)
  const port = new URL(server.url).port
  const credentials = () => ({ accessKeyId: ACCESS_KEY_ID, secretKey: secret(SECRET_KEY) })
  const read = async (scheme: 's3' | 'cos' | 'oss') => {
    const url = openStorage({
      at: readStorageUrl(storageUrl({ scheme, style: 'path' }, port)),
      credentials,
    }).presignGet(key, { expiresInS: 60 })
    return (await fetch(url, { headers: { range: 'bytes=1-9' } })).status
  }

  expect([await read('s3'), await read('cos'), await read('oss')]).toEqual([206, 206, 200])
})

test('failures can be scripted over HTTP, by programs on this machine only', async () => {
  const failures = `${server.url}/_control/failures`
  const script = (body: unknown, headers = {}) =>
    fetch(failures, { method: 'POST', body: JSON.stringify(body), headers })

  const added = await script({ request: 'HEAD', status: 503, times: 5 })
  const failing = await store.head('a', never).catch(({ error }: { error: string }) => error)
  const cleared = await fetch(failures, { method: 'DELETE' })
  const healthy = await store.head('a', never)
  const nonsense = await script({ request: 'HEAD', colour: 'red' })
  const page = await script({ request: '*', status: 503 }, { origin: 'https://page.example' })

  expect([added.status, failing, cleared.status, healthy]).toEqual([200, 'unavailable', 200, undefined])
  expect([nonsense.status, page.status]).toEqual([400, 403])
})
