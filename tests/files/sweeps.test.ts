import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { FileRow } from '#shared/db/tables/files.ts'
import { type Backend, startBackend } from '#tests/backend.ts'
import { testInvocation } from '#tests/invocation.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import type { Dialect } from '#shared/db/database.ts'
import { fileClient, postForm, putPart, storedKeys } from '#tests/upload/client.ts'
import { JPEG } from '#tests/upload/samples.ts'

const never = new AbortController().signal
const HOUR_MS = 3_600_000
const VIDEO = { name: 'x.mp4', contentType: 'video/mp4', purpose: 'video', resumable: true } as const

describe('sweeps on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'sweeps on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let backend: Backend
  let alice: ReturnType<typeof fileClient>
  beforeEach(async () => {
    backend = await startBackend({ dialect })
    alice = fileClient(backend, await backend.signIn('alice'))
  })
  afterEach(() => backend?.close())

  async function rows(): Promise<readonly FileRow[]> {
    return (await backend.database.sql()).selectFrom('files').selectAll().execute()
  }

  async function usage() {
    const [row] = await (await backend.database.sql()).selectFrom('file_usage').selectAll().execute()
    return row && { bytes: Number(row.bytes), files: row.files }
  }

  test('uploads that ran out go, with what was uploaded and the room they kept', async () => {
    const form = (await alice.begin({ sizeBytes: JPEG.byteLength })).body.data
    await postForm(form, JPEG)
    const parts = (await alice.begin({ ...VIDEO, sizeBytes: 6_000_000 })).body.data
    await putPart(parts.parts[0].url, new Uint8Array(5 * 1024 * 1024))

    backend.advance(HOUR_MS)
    await backend.tick() // the form has run out, but who used it may still complete
    const afterAnHour = (await rows()).length
    backend.advance(26 * HOUR_MS)
    await backend.tick()

    expect(afterAnHour).toBe(2)
    expect(await rows()).toEqual([])
    expect(await usage()).toEqual({ bytes: 0, files: 0 })
    expect(await storedKeys(backend)).toEqual([])
    expect(await backend.storage.multipart.list({ prefix: '', limit: 10 }, never)).toEqual([])
  })

  test('objects without rows go once they are old, those of files and of running uploads stay', async () => {
    const kept = (await alice.upload(JPEG)).body.data
    const running = (await alice.begin({ ...VIDEO, sizeBytes: 6_000_000 })).body.data
    const stray = '01a2097f-5630-76e4-b8a4-13853fbf3a46'
    const [whole] = await storedKeys(backend)
    const strays = [
      `uploads/${stray}/whole`,
      `uploads/${kept.id}/whole`,
      `files/0123456789abcdef/2026/11/${stray}-abc.jpg`,
      `${whole?.replace('.jpg', '')}-other.jpg`,
      'files/what-is-this',
    ]
    for (const key of [...strays, `uploads/${running.id}/000000000000-x`])
      await backend.storage.put(key, JPEG, { contentType: 'image/jpeg' }, never)

    await backend.tick()
    const young = await storedKeys(backend)
    backend.advance(3 * HOUR_MS)
    await backend.tick()

    expect(young).toEqual(expect.arrayContaining(strays))
    expect((await storedKeys(backend)).toSorted()).toEqual(
      [whole ?? '', `uploads/${running.id}/000000000000-x`].toSorted(),
    )
  })

  test('uploads in parts that no row knows are aborted', async () => {
    const options = { contentType: 'video/mp4' }
    await backend.storage.multipart.create(
      'uploads/01a2097f-5630-76e4-b8a4-13853fbf3a46/whole',
      options,
      never,
    )
    await backend.storage.multipart.create('files/0123456789abcdef/2026/11/x.mp4', options, never)
    const running = (await alice.begin({ ...VIDEO, sizeBytes: 6_000_000 })).body.data

    await backend.tick()
    const before = await backend.storage.multipart.list({ prefix: '', limit: 10 }, never)
    backend.advance(27 * HOUR_MS)
    await backend.tick()

    expect(before).toHaveLength(3)
    expect(before.map(({ key }) => key)).toContain(`uploads/${running.id}/whole`)
    expect(await backend.storage.multipart.list({ prefix: '', limit: 10 }, never)).toEqual([])
  })

  test('a file whose object has vanished is no longer shown, and its room is free', async () => {
    const lost = (await alice.upload(JPEG)).body.data
    const kept = (await alice.upload(JPEG)).body.data
    const key = (await storedKeys(backend)).find((each) => each.includes(lost.id)) ?? ''
    await backend.storage.delete(key, never)

    await backend.tick()

    const listed = (await alice.get('/files')).body.data.items.map(({ id }: { id: string }) => id)
    expect(listed).toEqual([kept.id])
    expect((await alice.get(`/files/${lost.id}`)).status).toBe(404)
    expect(await usage()).toEqual({ bytes: kept.sizeBytes, files: 1 })
    expect(backend.log.some((line) => line.includes('files.lost') && line.includes(lost.id))).toBe(true)
  })

  test.each([1, 19, 20])(
    'a bucket in which none of %i files is found is the wrong one: nobody loses a file by it',
    async (count) => {
      for (let at = 0; at < count; at++) await alice.upload(JPEG)
      for (const key of await storedKeys(backend)) await backend.storage.delete(key, never)

      await backend.tick()

      expect((await rows()).map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 'ready'))
      expect(backend.log.some((line) => line.includes('files.bucket_looks_wrong'))).toBe(true)
    },
  )

  test.each([1, 25])(
    'a database that knows none of %i files is the wrong one: nothing is deleted',
    async (count) => {
      for (let at = 0; at < count; at++) await alice.upload(JPEG)
      await (await backend.database.sql()).deleteFrom('files').execute()
      backend.advance(3 * HOUR_MS)

      await backend.tick()

      expect(await storedKeys(backend)).toHaveLength(count)
      expect(backend.log.some((line) => line.includes('files.database_looks_wrong'))).toBe(true)
    },
  )

  test('one object that cannot be deleted keeps no other from going', async () => {
    const ids: string[] = []
    for (let at = 0; at < 4; at++) ids.push((await alice.upload(JPEG)).body.data.id)
    await (await backend.database.sql()).updateTable('files').set({ status: 'deleted' }).execute()
    backend.store.failures.add({ request: 'DELETE', status: 503, times: 1 })

    await backend.tick().catch(() => {})
    const left = (await rows()).length
    await backend.tick()

    expect(left).toBe(1)
    expect(await rows()).toEqual([])
    expect(await storedKeys(backend)).toEqual([])
  })

  test('what a deletion could not delete while the store was down goes with the next sweep', async () => {
    const { id } = (await alice.upload(JPEG)).body.data
    backend.store.failures.add({ request: 'DELETE', status: 503, times: 10 })
    const removed = await alice.remove(`/files/${id}`)
    const left = await storedKeys(backend)
    backend.store.failures.clear()

    await backend.tick()

    expect([removed.status, left.length]).toEqual([200, 1])
    expect(await storedKeys(backend)).toEqual([])
    expect(await rows()).toEqual([])
  })

  test('refusals are remembered for a day', async () => {
    const html = new Uint8Array(Buffer.from('<html></html>'))
    const { id, ...form } = (await alice.begin({ sizeBytes: 100 })).body.data
    await postForm(form, html)
    await alice.complete(id)

    backend.advance(23 * HOUR_MS)
    await backend.tick()
    const remembered = await rows()
    backend.advance(2 * HOUR_MS)
    await backend.tick()

    expect(remembered.map(({ status }) => status)).toEqual(['refused'])
    expect(await rows()).toEqual([])
  })

  test('two sweeps at once come to what one does', async () => {
    for (let count = 0; count < 10; count++)
      await postForm((await alice.begin({ sizeBytes: 2_000 })).body.data, JPEG)
    const kept = (await alice.upload(JPEG)).body.data
    backend.advance(3 * HOUR_MS)

    await Promise.all([backend.tick(), backend.tick(), backend.tick()])

    expect((await rows()).map(({ id }) => id)).toEqual([kept.id])
    expect(await usage()).toEqual({ bytes: kept.sizeBytes, files: 1 })
    expect(await storedKeys(backend)).toHaveLength(1)
  })

  test('a sweep that fails is told of, and does not keep the others from their work', async () => {
    const html = new Uint8Array(Buffer.from('<html></html>'))
    const { id, ...form } = (await alice.begin({ sizeBytes: 100 })).body.data
    await postForm(form, html)
    await alice.complete(id)
    backend.store.failures.add({ request: 'GET', status: 503, times: 100 })
    backend.advance(25 * HOUR_MS)
    const event = { specversion: '1.0', id: 'tick', source: '/test', type: 'timer' } as const

    const swept = backend.reconcile.event?.(event, testInvocation())

    await expect(swept).rejects.toThrow('Some chores failed')
    const failed = backend.log.filter((line) => line.includes('files.sweep_failed'))
    expect(failed.map((line): unknown => JSON.parse(line).sweep)).toEqual(
      expect.arrayContaining(['abandonedParts', 'strayObjects']),
    )
  })
}
