import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Fault } from '#shared/errors.ts'
import { randomId } from '#shared/ids.ts'
import { PART_CONTENT_TYPE } from '#shared/storage/object-store.ts'
import { bytesOf, postForm } from './bodies.ts'
import { FLAVOURS, SECRET_KEY, type StartedStore, startStore } from './start-store.ts'

const never = new AbortController().signal
const HOUR_MS = 3_600_000

let started: StartedStore
beforeAll(async () => {
  started = await startStore()
})
afterAll(() => started.stop())

/** Where the three keep who signed, until when, and the signature. */
const PARAMETERS = {
  s3: { signature: 'X-Amz-Signature', expires: 'X-Amz-Expires', credential: 'X-Amz-Credential' },
  oss: { signature: 'x-oss-signature', expires: 'x-oss-expires', credential: 'x-oss-credential' },
  cos: { signature: 'q-signature', expires: 'q-sign-time', credential: 'q-ak' },
} as const

describe.each(FLAVOURS)('over $scheme, addressed by $style,', (flavour) => {
  const names = PARAMETERS[flavour.scheme]
  const open = (options = {}) => started.open(flavour, options)
  const stored = async () => {
    const key = `${randomId()}/a.txt`
    await open().put(key, Buffer.from('abc'), { contentType: 'text/plain' }, never)
    return key
  }

  test.each<[string, (url: URL) => void]>([
    ['another key', (url) => (url.pathname = url.pathname.replace('a.txt', 'b.txt'))],
    ['a key with a trailing dot', (url) => (url.pathname += '.')],
    [
      'a longer life',
      (url) => url.searchParams.set(names.expires, longer(url.searchParams.get(names.expires))),
    ],
    ['another type', (url) => url.searchParams.set('response-content-type', 'text/html')],
    ['no type', (url) => url.searchParams.delete('response-content-type')],
    [
      'a type of the client where none was signed',
      (url) => url.searchParams.append('response-cache-control', 'a'),
    ],
    ['a sub-resource', (url) => url.searchParams.append('uploadId', 'a')],
    ['another signature', (url) => url.searchParams.set(names.signature, '0'.repeat(64))],
    ['no signature', (url) => url.searchParams.delete(names.signature)],
    [
      'another signer',
      (url) => url.searchParams.set(names.credential, `AKIDother${url.searchParams.get(names.credential)}`),
    ],
    ['a parameter twice', (url) => url.searchParams.append('response-content-type', 'text/html')],
  ])('a signed URL with %s is refused', async (_, tamper) => {
    const key = await stored()
    const url = new URL(open().presignGet(key, { expiresInS: 60, contentType: 'text/css' }))
    const before = await fetch(url)

    tamper(url)
    const after = await fetch(url)

    expect(before.status).toBe(200)
    expect([400, 403]).toContain(after.status)
    expect(await after.text()).toMatch(
      /^<\?xml .*\n<Error><Code>(AccessDenied|Invalid\w+|SignatureDoesNotMatch)</,
    )
  })

  test.each(['PUT', 'DELETE', 'POST'])('a URL signed to read does not %s', async (method) => {
    const key = await stored()

    const answer = await fetch(open().presignGet(key, { expiresInS: 60 }), { method })

    expect(answer.status).toBe(403)
    expect(await open().head(key, never)).toMatchObject({ sizeBytes: 3 })
  })

  test.each([
    ['has passed', -HOUR_MS],
    ['has not come', HOUR_MS],
  ])('what is signed for a time that %s is refused', async (_, shiftMs) => {
    const key = await stored()
    const shifted = open({ clock: () => Date.now() + shiftMs })
    const terms = { key, minBytes: 0, maxBytes: 9, contentType: 'image/png', expiresInS: 60 }

    const read = await fetch(shifted.presignGet(key, { expiresInS: 60 }))

    expect(read.status).toBe(403)
    await expect(shifted.head(key, never)).rejects.toMatchObject({ error: 'upstream_failed' })
    if (shiftMs < 0)
      expect((await postForm(shifted.uploadForm(terms), { bytes: bytesOf(3) })).status).toBe(403)
  })

  test.each([
    ['another secret', { secretKey: `${SECRET_KEY}x` }],
    ['an unknown key', { accessKeyId: 'AKIDother' }],
    ['a token that the account has not', { sessionToken: 'token' }],
  ])('%s opens nothing, and the log learns why but no secret', async (_, credentials) => {
    const key = await stored()
    const stranger = open(credentials)
    const form = stranger.uploadForm({
      key,
      minBytes: 0,
      maxBytes: 9,
      contentType: 'image/png',
      expiresInS: 60,
    })

    const refused = await stranger.list({ prefix: '', limit: 1 }, never).catch((error: unknown) => error)
    const read = await fetch(stranger.presignGet(key, { expiresInS: 60 }))
    const posted = await postForm(form, { bytes: bytesOf(3) })

    const { cause } = refused as Fault // checked by the next line
    expect(refused).toMatchObject({ error: 'upstream_failed' })
    expect(String(cause)).toMatch(/^StoreError: Cannot list objects: HTTP 403 \w+$/)
    expect(inspect(refused, { depth: 9 })).not.toContain(SECRET_KEY)
    expect([read.status, posted.status]).toEqual([403, 403])
    expect(await open().head(key, never)).toMatchObject({ sizeBytes: 3 })
  })

  test('a form with any field changed, added or left out is refused, and keeps nothing', async () => {
    const key = `${randomId()}.png`
    const form = open().uploadForm({
      key,
      minBytes: 0,
      maxBytes: 9,
      contentType: 'image/png',
      expiresInS: 60,
    })
    const changed = Object.entries(form.fields).flatMap(([name, value]): Record<string, string>[] => {
      const { [name]: _, ...without } = form.fields
      return [{ ...form.fields, [name]: `${value}x` }, without]
    })
    const added = ['x-amz-acl', 'x-oss-object-acl', 'x-cos-acl', 'Content-Disposition', 'acl'].map(
      (name) => ({
        ...form.fields,
        [name]: 'public-read',
      }),
    )
    const filesBefore = await started.files()

    const statuses: number[] = []
    for (const fields of [...changed, ...added]) {
      const answer = await postForm({ url: form.url, fields }, { bytes: bytesOf(3) })
      statuses.push(answer.status)
    }

    expect(statuses.filter((status) => status !== 403 && status !== 400)).toEqual([])
    expect(statuses.length).toBeGreaterThan(15)
    expect(await open().head(key, never)).toBeUndefined()
    expect(await started.files()).toEqual(filesBefore)
  })

  test('a part goes only where its URL was signed for, and with the type that was', async () => {
    const key = randomId()
    const { multipart } = open()
    const uploadId = await multipart.create(key, { contentType: 'text/plain' }, never)
    const url = new URL(multipart.presignPart({ key, uploadId, number: 1, sizeBytes: 1, expiresInS: 60 }))
    const send = (to: URL, type: string) =>
      fetch(to, { method: 'PUT', headers: { 'content-type': type }, body: 'x' }).then(({ status }) => status)

    const otherType = await send(url, 'text/html')
    const good = await send(url, PART_CONTENT_TYPE)
    url.searchParams.set('partNumber', '2')
    const otherNumber = await send(url, PART_CONTENT_TYPE)

    expect([otherType, good, otherNumber]).toEqual([403, 200, 403])
  })

  test('a stranger who signs nothing is refused', async () => {
    const key = await stored()
    const url = new URL(open().presignGet(key, { expiresInS: 60 }))
    url.search = ''

    const answers = await Promise.all(
      ['GET', 'HEAD', 'PUT', 'DELETE'].map((method) => fetch(url, { method })),
    )

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403])
  })
})

test('temporary credentials work with their token only', async () => {
  const own = await startStore({ sessionToken: 'a+token/=' })
  const key = randomId()

  const ends = []
  for (const flavour of FLAVOURS) {
    const store = own.open(flavour, { sessionToken: 'a+token/=' })
    const form = store.uploadForm({ key, minBytes: 0, maxBytes: 9, contentType: 'image/png', expiresInS: 60 })
    const posted = await postForm(form, { bytes: bytesOf(3) })
    const got = await fetch(store.presignGet(key, { expiresInS: 60 }))
    const bare = await own
      .open(flavour)
      .head(key, never)
      .catch(({ error }: { error: string }) => error)
    ends.push([posted.status, got.status, (await store.head(key, never))?.sizeBytes, bare])
  }
  await own.stop()

  expect(ends).toEqual(FLAVOURS.map(() => [200, 200, 3, 'upstream_failed']))
})

/** The same form of time, with a later end. */
function longer(expires: string | null): string {
  return (expires ?? '').replace(/\d+$/, (end) => String(Number(end) + 60))
}
