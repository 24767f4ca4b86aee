import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import type { Dialect } from '#shared/db/database.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { fileClient, postForm, storedKeys } from './client.ts'
import { JPEG, PNG } from './samples.ts'

const HTML = new TextEncoder().encode('<!doctype html><script>alert(1)</script>')

describe('uploads by a form, on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'uploads by a form, on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let backend: Backend
  let alice: ReturnType<typeof fileClient>
  let bob: ReturnType<typeof fileClient>
  let owner: SignedIn
  beforeAll(async () => {
    backend = await startBackend({ dialect })
    owner = await backend.signIn('alice')
    alice = fileClient(backend, owner)
    bob = fileClient(backend, await backend.signIn('bob'))
  })
  afterAll(() => backend?.close())

  async function begun(bytes: Uint8Array, announced: Parameters<typeof alice.begin>[0] = {}) {
    const { body } = await alice.begin({ sizeBytes: bytes.byteLength, ...announced })
    return body.data
  }

  test('a picture goes to the store and becomes a file, without the place where it was taken', async () => {
    const { id, name, url, fields, expiresAt } = await begun(JPEG, { name: '照片 (1).jpg' })
    const posted = await postForm({ url, fields }, JPEG)

    const { status, body } = await alice.complete(id)
    const { bytes } = await alice.send(`/files/${id}`)

    expect([name, posted, status]).toEqual(['file', 200, 200])
    expect(Date.parse(expiresAt) - backend.now()).toBe(600_000)
    expect(body.data).toEqual({
      id,
      name: '照片 (1).jpg',
      purpose: 'image',
      contentType: 'image/jpeg',
      sizeBytes: bytes.byteLength,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      status: 'ready',
      url: `/api/v1/files/${id}`,
      createdAt: new Date(backend.now()).toISOString(),
    })
    expect(Buffer.from(JPEG).includes('Maker')).toBe(true)
    expect(bytes.includes('Maker')).toBe(false)
    expect((await storedKeys(backend)).filter((key) => key.includes(id))).toEqual([
      expect.stringMatching(new RegExp(`^files/[0-9a-f]{16}/2026/11/${id}-[\\w-]{22}\\.jpg$`)),
    ])
  })

  test('completing again, and fifty times at once, answers with the one file', async () => {
    const { id, ...form } = await begun(JPEG)
    await postForm(form, JPEG)

    const answers = await Promise.all(Array.from({ length: 50 }, () => alice.complete(id)))
    const again = await alice.complete(id)

    const files = [...answers, again].map(({ status, body }) => JSON.stringify([status, body.data]))
    expect(new Set(files).size).toBe(1)
    expect(again.status).toBe(200)
    expect((await storedKeys(backend)).filter((key) => key.includes(id))).toHaveLength(1)
  })

  test('what is uploaded by the same form after the look is not what is served', async () => {
    const { id, ...form } = await begun(JPEG)
    await postForm(form, JPEG)
    await alice.complete(id)

    const posted = await postForm(form, HTML)
    const again = await alice.complete(id)
    const { bytes } = await alice.send(`/files/${id}`)

    expect([posted, again.status]).toEqual([200, 200])
    expect(bytes.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]))
  })

  test('completing before anything is uploaded is a conflict that may be tried again', async () => {
    const { id, ...form } = await begun(JPEG)

    const early = await alice.complete(id)
    await postForm(form, JPEG)
    const later = await alice.complete(id)

    expect(early).toMatchObject({ status: 409, body: { details: [{ reason: 'nothing_uploaded' }] } })
    expect(later.status).toBe(200)
  })

  test.each([
    ['HTML in the clothes of a picture', HTML, 'content_type_mismatch'],
    ['another type of picture', PNG, 'content_type_mismatch'],
  ])('%s is refused, again when asked again, and nothing of it is kept', async (_, bytes, reason) => {
    const { id, ...form } = await begun(bytes)
    await postForm(form, bytes)

    const first = await alice.complete(id)
    const second = await alice.complete(id)
    const told = await alice.get(`/uploads/${id}`)

    expect(first).toMatchObject({
      status: 415,
      body: { error: 'unsupported_media_type', details: [{ reason }] },
    })
    expect(second).toMatchObject({ status: 415, body: { details: [{ reason }] } })
    expect(told.body.data).toMatchObject({ status: 'refused', reason })
    expect((await storedKeys(backend)).filter((key) => key.includes(id))).toEqual([])
    expect((await alice.get(`/files/${id}`)).status).toBe(404)
  })

  test('the store refuses more bytes, another type and another key than announced', async () => {
    const { url, fields } = await begun(JPEG)
    const key = Object.keys(fields).find((name) => name.toLowerCase() === 'key') ?? ''

    const longer = await postForm({ url, fields }, new Uint8Array(JPEG.byteLength + 1))
    const typed = await postForm({ url, fields: { ...fields, 'Content-Type': 'text/html' } }, JPEG)
    const moved = await postForm({ url, fields: { ...fields, [key]: 'files/mine.jpg' } }, JPEG)

    expect([longer, typed, moved]).toEqual([400, 403, 403])
  })

  test.each([
    [{ name: 'x.svg', contentType: 'image/svg+xml' }, 415, 'unsupported_media_type'],
    [{ name: 'x.html', contentType: 'image/jpeg' }, 415, 'unsupported_media_type'],
    [{ name: 'x.pdf', contentType: 'application/pdf' }, 415, 'unsupported_media_type'],
    [{ sizeBytes: 10 * 1024 * 1024 + 1 }, 413, 'payload_too_large'],
    [{ sizeBytes: 0 }, 400, 'validation_failed'],
    [{ sizeBytes: 1.5 }, 400, 'validation_failed'],
    [{ purpose: 'virus' }, 400, 'validation_failed'],
    [{ name: '' }, 400, 'validation_failed'],
  ])('announcing %j is refused with %i', async (announced, status, error) => {
    const answer = await alice.begin({ sizeBytes: 100, ...announced })

    expect(answer).toMatchObject({ status, body: { error } })
  })

  test("somebody else's upload is not there, whatever is done to it", async () => {
    const { id, ...form } = await begun(JPEG)
    await postForm(form, JPEG)

    const answers = [
      await bob.get(`/uploads/${id}`),
      await bob.complete(id),
      await bob.remove(`/uploads/${id}`),
      await bob.get('/uploads/not-an-id'),
    ]

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404])
    expect((await alice.complete(id)).status).toBe(200)
  })

  test('giving an upload up leaves nothing, and its room is free again', async () => {
    const { id, ...form } = await begun(JPEG)
    await postForm(form, JPEG)

    const given = await alice.remove(`/uploads/${id}`)

    expect(given.status).toBe(200)
    expect((await alice.complete(id)).status).toBe(404)
    expect((await storedKeys(backend)).filter((key) => key.includes(id))).toEqual([])
  })

  test('a file can no longer be given up as an upload', async () => {
    const { id, ...form } = await begun(JPEG)
    await postForm(form, JPEG)
    await alice.complete(id)

    expect(await alice.remove(`/uploads/${id}`)).toMatchObject({ status: 409 })
  })

  test('the same idempotency key gives the same form, one with another body is refused', async () => {
    const headers = { 'idempotency-key': 'begin-1' }

    const first = await alice.begin({ sizeBytes: 100 }, headers)
    const second = await alice.begin({ sizeBytes: 100 }, headers)
    const other = await alice.begin({ sizeBytes: 101 }, headers)

    expect(second.body.data).toEqual(first.body.data)
    expect(other).toMatchObject({ status: 409, body: { error: 'idempotency_mismatch' } })
  })
}

describe('quotas', () => {
  let backend: Backend
  beforeAll(async () => {
    backend = await startBackend({ upload: { quota: { bytes: 10_000, files: 3 } } })
  })
  afterAll(() => backend?.close())

  test('twenty uploads begun at once come to no more than the bytes and files that a user may have', async () => {
    const client = fileClient(backend, await backend.signIn('quota'))

    const answers = await Promise.all(Array.from({ length: 20 }, () => client.begin({ sizeBytes: 4_000 })))

    const begun = answers.filter(({ status }) => status === 201)
    expect(begun).toHaveLength(2)
    for (const { status, body } of answers.filter((answer) => !begun.includes(answer)))
      expect([status, body.details]).toEqual([413, [{ maxBytes: 10_000, maxFiles: 3 }]])
  })

  test('an upload in parts that is refused for its size leaves nothing at the store', async () => {
    const client = fileClient(backend, await backend.signIn('parts'))
    const film = { name: 'x.mp4', contentType: 'video/mp4', purpose: 'video', resumable: true } as const

    const refused = await client.begin({ ...film, sizeBytes: 20_000 })

    expect(refused).toMatchObject({ status: 413, body: { error: 'quota_exceeded' } })
    expect(
      await backend.storage.multipart.list({ prefix: '', limit: 10 }, AbortSignal.timeout(5_000)),
    ).toEqual([])
  })

  test('room is settled by what was stored, and free again once it is deleted or refused', async () => {
    const client = fileClient(backend, await backend.signIn('room'))
    const begin = async (sizeBytes: number) => (await client.begin({ sizeBytes })).body

    const first = await begin(9_000) // of which the picture will take less
    await postForm(first.data, JPEG)
    await client.complete(first.data.id)
    const second = await begin(8_000)
    await postForm(second.data, HTML)
    await client.complete(second.data.id) // refused
    const third = await begin(8_000)
    const full = await begin(8_000)
    await client.remove(`/uploads/${third.data.id}`)
    await client.remove(`/files/${first.data.id}`)
    const last = await begin(10_000)

    expect([first, second, third, full, last].map(({ code }) => code)).toEqual([0, 0, 0, 41301, 0])
  })
})
