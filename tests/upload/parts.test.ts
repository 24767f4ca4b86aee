import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '#tests/backend.ts'
import { fileClient, putPart, storedKeys } from './client.ts'
import { mp4 } from './samples.ts'

const never = new AbortController().signal
const PART = 5 * 1024 * 1024
const VIDEO = mp4(2 * PART + 1_000)
const ANNOUNCED = { name: '片段.mp4', contentType: 'video/mp4', purpose: 'video', resumable: true } as const

let backend: Backend
let alice: ReturnType<typeof fileClient>
/** The same person on another device. */
let tablet: ReturnType<typeof fileClient>
beforeAll(async () => {
  backend = await startBackend()
  alice = fileClient(backend, await backend.signIn('alice'))
  tablet = fileClient(backend, await backend.signIn('alice'))
})
afterAll(() => backend?.close())

interface Part {
  readonly number: number
  readonly url: string
  readonly etag: string | null
}

function slice({ number }: Part): Uint8Array<ArrayBuffer> {
  return VIDEO.slice((number - 1) * PART, number * PART)
}

async function begun(): Promise<{ readonly id: string; readonly parts: readonly Part[] }> {
  const { body } = await alice.begin({ ...ANNOUNCED, sizeBytes: VIDEO.byteLength })
  return body.data
}

test('an upload that broke is gone on with from another device, and becomes the file', async () => {
  const { id, parts } = await begun()
  for (const part of parts.slice(0, 1)) await putPart(part.url, slice(part))

  const { body } = await tablet.get(`/uploads/${id}`)
  const missing = (body.data.parts as readonly Part[]).filter(({ etag }) => etag === null)
  for (const part of missing) await putPart(part.url, slice(part))
  const completed = await tablet.complete(id)
  const { bytes } = await alice.send(`/files/${id}`)

  expect(body.data).toMatchObject({ status: 'uploading', partSizeBytes: PART, file: null })
  expect(missing.map(({ number }) => number)).toEqual([2, 3])
  expect(completed).toMatchObject({
    status: 200,
    body: { data: { id, status: 'ready', sizeBytes: VIDEO.byteLength, sha256: null, name: '片段.mp4' } },
  })
  expect(bytes.equals(VIDEO)).toBe(true)
})

test('a part may be sent again; the last one counts', async () => {
  const { id, parts } = await begun()
  const [first, second, third] = parts as readonly [Part, Part, Part]
  await putPart(first.url, new Uint8Array(PART))
  await putPart(third.url, slice(third))
  await putPart(second.url, slice(second))
  const etag = await putPart(first.url, slice(first))

  const { body } = await alice.get(`/uploads/${id}`)
  await alice.complete(id)
  const { bytes } = await alice.send(`/files/${id}`)

  expect(`"${body.data.parts[0].etag}"`).toBe(etag)
  expect(bytes.equals(VIDEO)).toBe(true)
})

test('completing with parts missing says which, and can be done later', async () => {
  const { id, parts } = await begun()
  const [first, second, third] = parts as readonly [Part, Part, Part]
  await putPart(second.url, slice(second))

  const early = await alice.complete(id)
  await putPart(first.url, slice(first))
  await putPart(third.url, slice(third))
  const later = await alice.complete(id)

  expect(early).toMatchObject({
    status: 409,
    body: { details: [{ reason: 'incomplete', missing: [1, 3], expectedBytes: VIDEO.byteLength }] },
  })
  expect(later.status).toBe(200)
})

test('a part of another size than its own is refused by the store', async () => {
  const { parts } = await begun()
  const [first, , third] = parts as readonly [Part, Part, Part]

  await expect(putPart(third.url, VIDEO.slice(0, 2_000))).rejects.toThrow('403')
  await expect(putPart(first.url, VIDEO.slice(0, PART - 1))).rejects.toThrow('403')
})

test('a client may name the parts; one that the store does not have counts for nothing', async () => {
  const { id, parts } = await begun()
  const sent: { number: number; etag: string }[] = []
  for (const part of parts) sent.push({ number: part.number, etag: await putPart(part.url, slice(part)) })

  const wrong = await alice.complete(id, { parts: sent.map(({ number }) => ({ number, etag: '"0"' })) })
  const right = await alice.complete(id, { parts: sent })

  expect([wrong.status, right.status]).toEqual([409, 200])
})

test('a list of parts that does not make the file is refused before anything is joined', async () => {
  const { id, parts } = await begun()
  const sent: { number: number; etag: string }[] = []
  for (const part of parts) sent.push({ number: part.number, etag: await putPart(part.url, slice(part)) })

  const some = await alice.complete(id, { parts: sent.slice(0, 2) })
  const all = await alice.complete(id)

  expect(some).toMatchObject({ status: 409, body: { details: [{ reason: 'incomplete', missing: [3] }] } })
  expect(all).toMatchObject({ status: 200, body: { data: { sizeBytes: VIDEO.byteLength } } })
})

test('an object that was made of its parts before its row was finished is taken in by the next call', async () => {
  const { id, parts } = await begun()
  for (const part of parts) await putPart(part.url, slice(part))
  const [upload] = await backend.storage.multipart.list({ prefix: `uploads/${id}/`, limit: 1 }, never)
  if (upload === undefined) throw new Error('There is no upload')
  const arrived = await backend.storage.multipart.parts(upload, never)
  await backend.storage.multipart.complete({ ...upload, parts: arrived }, never)

  const completed = await alice.complete(id)

  expect(completed).toMatchObject({ status: 200, body: { data: { sizeBytes: VIDEO.byteLength } } })
})

test('completing at once from two devices has one effect; who is too early may come again', async () => {
  const { id, parts } = await begun()
  for (const part of parts) await putPart(part.url, slice(part))

  const answers = await Promise.all([alice.complete(id), tablet.complete(id), alice.complete(id)])

  const early = answers.filter(({ status }) => status !== 200)
  expect(early.length).toBeLessThan(3)
  for (const { status, headers, body } of early)
    expect([status, headers.get('retry-after'), body.details]).toEqual([409, '1', [{ reason: 'completing' }]])
  expect((await tablet.complete(id)).status).toBe(200)
  expect((await storedKeys(backend)).filter((key) => key.includes(id))).toHaveLength(1)
})

test('giving up leaves neither parts nor an upload at the store', async () => {
  const { id, parts } = await begun()
  await putPart(parts[0]?.url ?? '', VIDEO.slice(0, PART))

  const given = await alice.remove(`/uploads/${id}`)

  expect(given.status).toBe(200)
  expect(await backend.storage.multipart.list({ prefix: `uploads/${id}/`, limit: 1 }, never)).toEqual([])
  await expect(putPart(parts[1]?.url ?? '', VIDEO.slice(0, PART))).rejects.toThrow('404')
})

test('a video that is something else is refused once it is looked at', async () => {
  const html = new Uint8Array(Buffer.from('<html>'.padEnd(PART, ' ')))
  const { body } = await alice.begin({ ...ANNOUNCED, sizeBytes: html.byteLength })
  await putPart(body.data.parts[0].url, html)

  const completed = await alice.complete(body.data.id)

  expect(completed).toMatchObject({ status: 415, body: { error: 'unsupported_media_type' } })
  expect((await storedKeys(backend)).filter((key) => key.includes(body.data.id))).toEqual([])
})

test('what is larger than SCF lets a function answer is a redirect there, a range that fits is not', async () => {
  const { id, parts } = await begun()
  for (const part of parts) await putPart(part.url, slice(part))
  await alice.complete(id)
  const read = (headers: Readonly<Record<string, string>>) =>
    alice.send(`/files/${id}`, { headers }, { platform: 'scf' })

  const whole = await read({})
  const part = await read({ range: 'bytes=4-11' })
  const location = await fetch(whole.headers.get('location') ?? '')

  expect([whole.status, location.status]).toEqual([302, 200])
  expect(Buffer.from(await location.arrayBuffer()).equals(VIDEO)).toBe(true)
  expect([part.status, part.bytes.toString()]).toEqual([206, 'ftypisom'])
})
