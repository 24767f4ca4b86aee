import { expect, test } from '@jest/globals'
import { randomId } from '#shared/ids.ts'
import { type ObjectStore, PART_BYTES, PART_CONTENT_TYPE } from '#shared/storage/object-store.ts'
import { bytesOf, postForm, readAll, streamOf } from '#tests/storage/bodies.ts'

const never = new AbortController().signal

/** Names that signers and URL parsers like to get wrong. */
export const AWKWARD_KEYS = [
  'plain.txt',
  '照片/头像 1.png',
  'a+b%20c&d=e?f#g;h,i:j@k$.txt',
  "quotes'and(brackets)!*.txt",
  '~tilde_-.~/%2F/%/100%.txt',
  'emoji/🧧/👨‍👩‍👧.gif',
  'dots.../.hidden/a..b/trailing...',
  '"<xml>&amp;\\back|pipe^`{}[].txt',
  'spaces  two /  lead and trail ',
] as const

/** What every object store promises. `store` is asked for inside the tests. */
export function objectStoreSuite(store: () => ObjectStore): void {
  const text = { contentType: 'text/plain' }

  test.each(AWKWARD_KEYS)(
    'an object named %s can be written, read, listed, signed for and deleted',
    async (name) => {
      const prefix = `${randomId()}/`
      const key = prefix + name
      const { etag } = await store().put(key, Buffer.from('hello 函'), text, never)

      const got = await store().get(key, {}, never)
      const head = await store().head(key, never)
      const listed = await store().list({ prefix, limit: 10 }, never)
      const signed = await fetch(store().presignGet(key, { expiresInS: 60 }))
      await store().delete(key, never)

      expect(got && (await readAll(got.body)).toString()).toBe('hello 函')
      expect(got?.info).toEqual(head)
      expect(head).toMatchObject({ sizeBytes: 9, etag, contentType: 'text/plain' })
      expect(listed.items).toEqual([{ key, sizeBytes: 9, etag, lastModified: expect.any(Date) }])
      expect([signed.status, await signed.text()]).toEqual([200, 'hello 函'])
      expect(await store().head(key, never)).toBeUndefined()
    },
  )

  test('what is not there is undefined, and deleting it is fine', async () => {
    const key = randomId()

    await store().delete(key, never)

    expect(await store().head(key, never)).toBeUndefined()
    expect(await store().get(key, {}, never)).toBeUndefined()
    expect(await store().list({ prefix: key, limit: 5 }, never)).toEqual({ items: [] })
  })

  test.each(['', '/a', 'a//b', 'a/../b', '.', 'a\nb', '\u0000', 'a/', '\ud800', '键'.repeat(284)])(
    'the key %j is refused before anything is sent',
    async (key) => {
      await expect(store().head(key, never)).rejects.toThrow(TypeError)
      expect(() => store().presignGet(key, { expiresInS: 60 })).toThrow(TypeError)
      expect(() => store().uploadForm({ ...terms(), key })).toThrow(TypeError)
    },
  )

  test.each([
    [{ first: 0, last: 0 }, 'a'],
    [{ first: 2, last: 4 }, 'cde'],
    [{ first: 7 }, 'hij'],
    [{ first: 8, last: 100 }, 'ij'],
  ])('the range %j gives exactly its bytes, and tells of the whole object', async (range, expected) => {
    const key = randomId()
    await store().put(key, Buffer.from('abcdefghij'), text, never)

    const got = await store().get(key, { range }, never)

    expect(got && (await readAll(got.body)).toString()).toBe(expected)
    expect(got?.info.sizeBytes).toBe(10)
  })

  test('a range that begins past the end is refused', async () => {
    const key = randomId()
    await store().put(key, Buffer.from('abc'), text, never)

    await expect(store().get(key, { range: { first: 3 } }, never)).rejects.toMatchObject({
      error: 'range_not_satisfiable',
    })
  })

  test.each([
    0,
    1,
    65_536,
    PART_BYTES - 1,
    PART_BYTES,
    PART_BYTES + 1,
    2 * PART_BYTES,
    2 * PART_BYTES + 70_001,
  ])('a stream of %d bytes is stored whole', async (sizeBytes) => {
    const key = randomId()

    const put = await store().put(key, streamOf(sizeBytes), text, never)
    const got = await store().get(key, {}, never)

    expect(put.sizeBytes).toBe(sizeBytes)
    expect(got?.info).toMatchObject({ sizeBytes, etag: put.etag, contentType: 'text/plain' })
    expect(got && (await readAll(got.body)).equals(bytesOf(sizeBytes))).toBe(true)
  })

  test.each([10, PART_BYTES + 10])('a stream that fails after %d bytes leaves nothing', async (sizeBytes) => {
    const key = randomId()
    const reader = streamOf(sizeBytes).getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value } = await reader.read()
        if (value === undefined) controller.error(new Error('the client went away'))
        else controller.enqueue(value)
      },
    })

    const put = store().put(key, body, text, never)

    await expect(put).rejects.toThrow('the client went away')
    expect(await store().head(key, never)).toBeUndefined()
    expect(await store().multipart.list({ prefix: key, limit: 10 }, never)).toEqual([])
  })

  test('a call given up midway ends with its reason, lets go of the stream and leaves nothing', async () => {
    const key = randomId()
    const given = new AbortController()
    let chunks = 0
    let cancelled: unknown
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        chunks += 1
        if (chunks <= 7) controller.enqueue(bytesOf(1024 * 1024))
        else given.abort(new Error('enough'))
      },
      cancel(reason) {
        cancelled = reason
      },
    })

    await expect(store().put(key, body, text, given.signal)).rejects.toThrow('enough')

    expect(cancelled).toMatchObject({ message: 'enough' })
    expect(await store().head(key, never)).toBeUndefined()
    expect(await store().multipart.list({ prefix: key, limit: 10 }, never)).toEqual([])
  })

  test.each(AWKWARD_KEYS)('what was looked at of %s is copied, and nothing that came after', async (name) => {
    const [from, to] = [`${randomId()}/${name}`, `${randomId()}/copy ${name}`]
    const { etag } = await store().put(from, Buffer.from('looked at'), { contentType: 'image/png' }, never)

    const copied = await store().copy({ from, to, ifMatch: etag }, never)
    await store().put(from, Buffer.from('slipped in'), text, never)
    const late = store().copy({ from, to, ifMatch: etag }, never)

    await expect(late).rejects.toMatchObject({ error: 'conflict' })
    const got = await store().get(to, {}, never)
    expect(got?.info).toMatchObject({ etag: copied?.etag, contentType: 'image/png' })
    expect(got && (await readAll(got.body)).toString()).toBe('looked at')
  })

  test('what is not there is not copied', async () => {
    const copied = await store().copy({ from: randomId(), to: randomId(), ifMatch: 'any' }, never)

    expect(copied).toBeUndefined()
  })

  test('pages of a list hold each object once, in the order of keys', async () => {
    const prefix = `${randomId()}/`
    const keys = ['a', 'a b', 'a+b', 'b&c', '中', '😀'].map((name) => prefix + name)
    for (const key of keys) await store().put(key, Buffer.from(key), text, never)

    const found: string[] = []
    let after: string | undefined
    do {
      const page = await store().list({ prefix, limit: 2, ...(after === undefined ? {} : { after }) }, never)
      found.push(...page.items.map(({ key }) => key))
      after = page.next
    } while (after !== undefined)

    expect(found).toEqual(keys)
  })

  test('a signed URL says how the object is to be shown, and gives ranges', async () => {
    const key = randomId()
    await store().put(key, Buffer.from('0123456789'), text, never)
    const contentDisposition = `attachment; filename="a b.txt"; filename*=UTF-8''%E5%87%BD.txt`
    const url = store().presignGet(key, {
      expiresInS: 60,
      contentDisposition,
      contentType: 'application/x-own',
    })

    const answer = await fetch(url, { headers: { range: 'bytes=2-3' } })

    expect([answer.status, await answer.text()]).toEqual([206, '23'])
    expect(answer.headers.get('content-disposition')).toBe(contentDisposition)
    expect(answer.headers.get('content-type')).toBe('application/x-own')
    expect(answer.headers.get('content-range')).toBe('bytes 2-3/10')
  })

  test('no form is made for a key that the client’s file name would change', () => {
    expect(() => store().uploadForm({ ...terms(), key: 'u/${filename}' })).toThrow(TypeError)
  })

  test.each([{ first: -1 }, { first: 2, last: 1 }, { first: 0.5 }])('%j is no range', async (range) => {
    await expect(store().get('a', { range }, never)).rejects.toThrow(RangeError)
  })

  test.each([0, -1, 1.5, 604_801])('nothing is signed for %d seconds', (expiresInS) => {
    expect(() => store().presignGet('a', { expiresInS })).toThrow(RangeError)
    expect(() => store().uploadForm({ ...terms(), expiresInS })).toThrow(RangeError)
    expect(() =>
      store().multipart.presignPart({ key: 'a', uploadId: 'u', number: 1, sizeBytes: 1, expiresInS }),
    ).toThrow(RangeError)
  })

  test.each(AWKWARD_KEYS)('a form for %s takes one file, with the type of the form', async (name) => {
    const key = `${randomId()}/${name}`

    const answer = await postForm(store().uploadForm({ ...terms(), key }), {
      bytes: bytesOf(5_000),
      type: 'text/html',
    })

    expect(answer.status).toBe(200)
    expect(await store().head(key, never)).toMatchObject({ sizeBytes: 5_000, contentType: 'image/png' })
  })

  test.each([
    ['smaller than its least size', 9, 400],
    ['of its least size', 10, 200],
    ['of its greatest size', 5_000, 200],
    ['larger than its greatest size', 5_001, 400],
  ])('a form meets a file %s', async (_, sizeBytes, status) => {
    const form = terms()

    const answer = await postForm(store().uploadForm(form), { bytes: bytesOf(sizeBytes) })

    expect(answer.status).toBe(status)
    expect((await store().head(form.key, never))?.sizeBytes).toBe(status === 200 ? sizeBytes : undefined)
  })

  test('clients send parts in any order and again, anybody asks which arrived, and they become one object', async () => {
    const key = `${randomId()}/大 文件.bin`
    const { multipart } = store()
    const uploadId = await multipart.create(key, { contentType: 'video/mp4' }, never)
    const send = (number: number, bytes: Uint8Array<ArrayBuffer>) =>
      fetch(multipart.presignPart({ key, uploadId, number, sizeBytes: bytes.byteLength, expiresInS: 60 }), {
        method: 'PUT',
        headers: { 'content-type': PART_CONTENT_TYPE },
        body: bytes,
      })
    const whole = bytesOf(PART_BYTES + 100)

    await send(2, whole.subarray(PART_BYTES))
    await send(1, bytesOf(5))
    const again = await send(1, whole.subarray(0, PART_BYTES))
    const listed = await multipart.parts({ key, uploadId }, never)
    const { etag } = await multipart.complete({ key, uploadId, parts: listed }, never)

    expect(listed.map(({ number, sizeBytes }) => [number, sizeBytes])).toEqual([
      [1, PART_BYTES],
      [2, 100],
    ])
    expect(again.headers.get('etag')).toBe(`"${listed[0]?.etag}"`)
    const got = await store().get(key, {}, never)
    expect(got?.info).toMatchObject({ etag, contentType: 'video/mp4', sizeBytes: PART_BYTES + 100 })
    expect(got && (await readAll(got.body)).equals(whole)).toBe(true)
  })

  test('a part of another size than its URL was signed for is refused', async () => {
    const key = randomId()
    const { multipart } = store()
    const uploadId = await multipart.create(key, text, never)
    const url = multipart.presignPart({ key, uploadId, number: 1, sizeBytes: 5, expiresInS: 60 })
    const send = async (body: string) => {
      const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': PART_CONTENT_TYPE }, body })
      await answer.arrayBuffer()
      return answer.status
    }

    expect([await send('1234'), await send('123456'), await send('12345')]).toEqual([403, 403, 200])
  })

  test('parts that never came, or changed, do not make an object', async () => {
    const key = randomId()
    const { multipart } = store()
    const uploadId = await multipart.create(key, text, never)
    const url = multipart.presignPart({ key, uploadId, number: 1, sizeBytes: 1, expiresInS: 60 })
    await fetch(url, { method: 'PUT', headers: { 'content-type': PART_CONTENT_TYPE }, body: 'x' })
    const etag = '9dd4e461268c8034f5c8564e155c67a6'
    const completing = (...parts: { number: number; etag: string }[]) =>
      multipart.complete({ key, uploadId, parts }, never)
    const unfit = { error: 'validation_failed' }

    await expect(completing({ number: 1, etag: etag.replace('9', '8') })).rejects.toMatchObject(unfit)
    await expect(completing({ number: 1, etag }, { number: 2, etag })).rejects.toMatchObject(unfit)
    expect(await store().head(key, never)).toBeUndefined()
    await completing({ number: 1, etag: `"${etag}"` }) // as a client reads it from the header

    expect(await store().head(key, never)).toMatchObject({ sizeBytes: 1 })
  })

  test('an aborted upload is gone: its parts, its place in the list, its URLs', async () => {
    const key = `${randomId()}/a`
    const { multipart } = store()
    const uploadId = await multipart.create(key, text, never)
    const before = await multipart.list({ prefix: key, limit: 10 }, never)

    await multipart.abort({ key, uploadId }, never)
    await multipart.abort({ key, uploadId }, never)
    const url = multipart.presignPart({ key, uploadId, number: 1, sizeBytes: 1, expiresInS: 60 })
    const late = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': PART_CONTENT_TYPE },
      body: 'x',
    })

    expect(before).toEqual([{ key, uploadId, startedAt: expect.any(Date) }])
    expect(await multipart.list({ prefix: key, limit: 10 }, never)).toEqual([])
    expect(late.status).toBe(404)
    await expect(multipart.parts({ key, uploadId }, never)).rejects.toMatchObject({ error: 'not_found' })
    const completing = multipart.complete({ key, uploadId, parts: [{ number: 1, etag: 'a' }] }, never)
    await expect(completing).rejects.toMatchObject({ error: 'not_found' })
  })

  test('of two completions at once one makes the object, and the other finds no upload or the same end', async () => {
    const key = randomId()
    const { multipart } = store()
    const uploadId = await multipart.create(key, text, never)
    const url = multipart.presignPart({ key, uploadId, number: 1, sizeBytes: 1, expiresInS: 60 })
    await fetch(url, { method: 'PUT', headers: { 'content-type': PART_CONTENT_TYPE }, body: 'x' })
    const upload = { key, uploadId, parts: await multipart.parts({ key, uploadId }, never) }

    const ends = await Promise.allSettled([
      multipart.complete(upload, never),
      multipart.complete(upload, never),
    ])

    expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1)
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ error: 'not_found' })
    expect(await store().head(key, never)).toMatchObject({ sizeBytes: 1 })
  })

  function terms() {
    return { key: randomId(), minBytes: 10, maxBytes: 5_000, contentType: 'image/png', expiresInS: 300 }
  }
}
