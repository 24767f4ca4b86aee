import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '#tests/backend.ts'
import { fileClient, storedKeys } from './client.ts'
import { JPEG, PDF, PNG } from './samples.ts'

let backend: Backend
let alice: ReturnType<typeof fileClient>
let bob: ReturnType<typeof fileClient>
let admin: ReturnType<typeof fileClient>
beforeAll(async () => {
  backend = await startBackend({ admins: ['root'] })
  alice = fileClient(backend, await backend.signIn('alice'))
  bob = fileClient(backend, await backend.signIn('bob'))
  admin = fileClient(backend, await backend.signIn('root'))
})
afterAll(() => backend?.close())

async function uploaded(name = 'plain.png') {
  const { body } = await alice.upload(PNG, { name, contentType: 'image/png' })
  return body.data
}

describe('reading', () => {
  test('a file is nothing but an attachment of its own type, in a sandbox', async () => {
    const { id } = await uploaded('头像 (1).png')

    const { status, headers, bytes } = await alice.send(`/files/${id}`)

    expect(status).toBe(200)
    expect(bytes.equals(Buffer.from(PNG))).toBe(true)
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(PNG.byteLength),
      'content-disposition': expect.stringMatching(
        /^attachment; filename="[ -~]+"; filename\*=UTF-8''%E5%A4%B4%E5%83%8F%20%281%29\.png$/,
      ),
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'private, no-cache',
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      'last-modified': new Date(backend.now()).toUTCString(),
    })
  })

  test.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=-5', 206, PNG.byteLength - 5, PNG.byteLength],
    ['bytes=100-', 206, 100, PNG.byteLength],
    ['bytes=100-99999999', 206, 100, PNG.byteLength],
    ['bytes=5-4', 200, 0, PNG.byteLength],
    ['lines=1-2', 200, 0, PNG.byteLength],
  ])('the range %s is answered with %i and exactly its bytes', async (range, expected, from, to) => {
    const { id } = await uploaded()

    const { status, headers, bytes } = await alice.send(`/files/${id}`, { headers: { range } })

    expect(status).toBe(expected)
    expect(bytes.equals(Buffer.from(PNG.slice(from, to)))).toBe(true)
    expect(headers.get('content-range')).toBe(
      expected === 206 ? `bytes ${from}-${to - 1}/${PNG.byteLength}` : null,
    )
  })

  test('conditions are met: 304, 412, 416, and If-Range', async () => {
    const { id } = await uploaded()
    const { headers } = await alice.send(`/files/${id}`)
    const etag = headers.get('etag') ?? ''
    const read = (conditions: Record<string, string>) => alice.send(`/files/${id}`, { headers: conditions })

    const answers = await Promise.all([
      read({ 'if-none-match': etag }),
      read({ 'if-match': '"other"' }),
      read({ range: 'bytes=99999-' }),
      read({ range: 'bytes=0-0', 'if-range': etag }),
      read({ range: 'bytes=0-0', 'if-range': '"other"' }),
      read({ 'if-modified-since': headers.get('last-modified') ?? '' }),
      read({ 'if-unmodified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' }),
    ])

    expect(answers.map(({ status }) => status)).toEqual([304, 412, 416, 206, 200, 304, 412])
    expect(answers[0]?.bytes).toHaveLength(0)
    expect(answers[1]?.body).toMatchObject({ code: 41200, error: 'precondition_failed' })
    expect(answers[2]?.headers.get('content-range')).toBe(`bytes */${PNG.byteLength}`)
  })

  test('HEAD tells of the file without sending it', async () => {
    const { id } = await uploaded()

    const { status, headers, bytes } = await alice.send(`/files/${id}`, { method: 'HEAD' })

    expect([status, bytes.length, headers.get('content-length')]).toEqual([200, 0, String(PNG.byteLength)])
  })

  test('inline is for those who ask', async () => {
    const { id } = await uploaded()

    const { headers } = await alice.send(`/files/${id}?disposition=inline`)

    expect(headers.get('content-disposition')).toMatch(/^inline; /)
  })

  test('a link shows the file without a token, for a few minutes', async () => {
    const { id } = await uploaded()

    const { body } = await alice.get(`/files/${id}/link?disposition=inline`)
    const shown = await fetch(body.data.url, { headers: { range: 'bytes=1-3' } })
    const text = await shown.text()
    backend.advance(301_000)
    const late = await fetch(body.data.url)
    await late.text()

    expect(Date.parse(body.data.expiresAt) - backend.now()).toBe(-1_000)
    expect([shown.status, text, shown.headers.get('content-disposition')]).toEqual([
      206,
      'PNG',
      'inline; filename="plain.png"',
    ])
    expect(late.status).toBe(403)
  })

  test('somebody else and nobody get nothing', async () => {
    const { id } = await uploaded()

    const answers = [
      await bob.get(`/files/${id}`),
      await bob.get(`/files/${id}/link`),
      await bob.remove(`/files/${id}`),
      await bob.get('/files/01a2097f-5630-76e4-b8a4-13853fbf3a46'),
      await backend.call(`/files/${id}`),
    ]

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 401])
    expect((await bob.get('/files')).body.data).toEqual({ items: [], nextCursor: null })
  })
})

test('where the bucket serves, contents are a redirect and conditions are still met here', async () => {
  const redirecting = await startBackend({ upload: { download: 'redirect' } })
  try {
    const client = fileClient(redirecting, await redirecting.signIn('alice'))
    const { body } = await client.upload(PNG, { name: 'plain.png', contentType: 'image/png' })
    const { id } = body.data

    const whole = await client.send(`/files/${id}`)
    const location = whole.headers.get('location') ?? ''
    const part = await fetch(location, { headers: { range: 'bytes=1-3' } })
    const head = await client.send(`/files/${id}`, { method: 'HEAD' })
    const etag = head.headers.get('etag') ?? ''
    const same = await client.send(`/files/${id}`, { headers: { 'if-none-match': etag } })

    expect([whole.status, part.status, await part.text()]).toEqual([302, 206, 'PNG'])
    expect(part.headers.get('content-disposition')).toBe('attachment; filename="plain.png"')
    expect([head.status, same.status]).toEqual([200, 304])
  } finally {
    await redirecting.close()
  }
})

test('a range that If-Range overrules is answered with the whole, also where the bucket serves', async () => {
  const redirecting = await startBackend({ upload: { download: 'redirect' } })
  try {
    const client = fileClient(redirecting, await redirecting.signIn('alice'))
    const { id } = (await client.upload(PNG, { name: 'plain.png', contentType: 'image/png' })).body.data

    const changed = await client.send(`/files/${id}`, {
      headers: { range: 'bytes=0-3', 'if-range': '"other"' },
    })

    expect([changed.status, changed.bytes.length]).toEqual([200, PNG.byteLength])
  } finally {
    await redirecting.close()
  }
})

test('a document is never shown in place', async () => {
  const document = { name: 'x.pdf', contentType: 'application/pdf', purpose: 'document' }
  const { id } = (await alice.upload(PDF, document)).body.data

  const { headers } = await alice.send(`/files/${id}?disposition=inline`)
  const link = (await alice.get(`/files/${id}/link?disposition=inline`)).body.data.url

  expect(headers.get('content-disposition')).toMatch(/^attachment; /)
  expect((await fetch(link)).headers.get('content-disposition')).toMatch(/^attachment; /)
})

test('files are listed newest first, page by page', async () => {
  const carol = fileClient(backend, await backend.signIn('carol'))
  const ids: string[] = []
  for (let count = 0; count < 5; count++) {
    backend.advance(1)
    ids.unshift((await carol.upload(JPEG)).body.data.id)
  }

  const first = await carol.get('/files?limit=3')
  const second = await carol.get(`/files?limit=3&cursor=${first.body.data.nextCursor}`)
  const others = await carol.get('/files?purpose=avatar')

  const pages = [first, second].map(({ body }) => body.data.items.map((file: { id: string }) => file.id))
  expect(pages).toEqual([ids.slice(0, 3), ids.slice(3)])
  expect(second.body.data.nextCursor).toBeNull()
  expect(others.body.data.items).toEqual([])
  expect((await carol.get('/files?cursor=abc')).status).toBe(400)
})

test('a deleted file is gone at once, from the store as well', async () => {
  const { id } = await uploaded()

  const removed = await alice.remove(`/files/${id}`)

  expect(removed.status).toBe(200)
  expect((await alice.get(`/files/${id}`)).status).toBe(404)
  expect((await alice.remove(`/files/${id}`)).status).toBe(404)
  expect((await storedKeys(backend)).filter((key) => key.includes(id))).toEqual([])
})

test('a link that was given before a file went into quarantine leads nowhere any more', async () => {
  const { id } = await uploaded()
  const { url } = (await alice.get(`/files/${id}/link`)).body.data
  const { accessToken } = await backend.signIn('root')
  const review = (status: string) =>
    backend.call(`/files/${id}`, { method: 'PUT', token: accessToken, body: { status } })

  await review('quarantined')
  const late = await fetch(url)
  await late.text()
  const seen = await admin.send(`/files/${id}`)
  await review('ready')

  expect([late.status, seen.status]).toEqual([404, 200])
  expect((await alice.send(`/files/${id}`)).bytes.equals(Buffer.from(PNG))).toBe(true)
  expect((await storedKeys(backend)).filter((key) => key.includes(id))).toHaveLength(1)
})

test('an admin sees all files, and puts them into quarantine or releases them', async () => {
  const { id } = await uploaded()
  const review = (status: string, token = adminToken) =>
    backend.call(`/files/${id}`, { method: 'PUT', token, body: { status } })
  const aliceToken = (await backend.signIn('alice')).accessToken
  const adminToken = (await backend.signIn('root')).accessToken

  const all = await admin.get('/files?scope=all&limit=100')
  const put = await review('quarantined')
  const shut = await alice.get(`/files/${id}`)
  const seen = await admin.send(`/files/${id}`)
  const listed = await admin.get('/files?scope=all&status=quarantined')
  const released = await review('ready')
  const open = await alice.send(`/files/${id}`)

  expect(all.body.data.items.map((file: { id: string }) => file.id)).toContain(id)
  expect(put.body.data).toMatchObject({ id, status: 'quarantined', reason: 'review' })
  expect(shut).toMatchObject({ status: 403, body: { details: [{ status: 'quarantined' }] } })
  expect([seen.status, released.status, open.status]).toEqual([200, 200, 200])
  expect(listed.body.data.items.map((file: { id: string }) => file.id)).toEqual([id])
  expect((await alice.get('/files?scope=all')).status).toBe(403)
  expect((await review('ready', aliceToken)).status).toBe(403)
})
