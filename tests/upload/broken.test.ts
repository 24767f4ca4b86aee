import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { App } from '#shared/http/app.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { eventually } from '#tests/services/eventually.ts'
import { kept } from './kept.ts'
import { type RawConnection, rawConnection } from './raw-connection.ts'
import { BOUNDARY, film, type RawHead, rawForm, rawHead } from './raw-form.ts'
import { JPEG, PNG } from './samples.ts'
import { type ServedApp, serveApp } from './serve-app.ts'

const MB = 1024 * 1024
const SOON = { withinMs: 10_000 }
/** More than the second that is kept back for the answer. */
const HURRY_MS = 1_300

let backend: Backend
let alice: SignedIn
let served: ServedApp
/** The same function where the platform gives it little time. */
let hurried: ServedApp
beforeAll(async () => {
  backend = await startBackend()
  alice = await backend.signIn('alice')
  served = await serveApp(backend.upload, backend.now)
  hurried = await serveApp(inHurry(backend.upload), backend.now)
}, 30_000)
afterAll(async () => {
  await served?.stop()
  await hurried?.stop()
  await backend?.close()
})

function inHurry(app: App): App {
  return {
    ...app,
    fetch: (request, invocation) => app.fetch(request, { ...invocation, deadline: backend.now() + HURRY_MS }),
  }
}

const photo = rawForm(JPEG)
const head = (more: Partial<RawHead> = {}) =>
  rawHead({ token: alice.accessToken, contentLength: photo.length, ...more })

const FILES = () =>
  `GET /api/v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${alice.accessToken}\r\n\r\n`

/** How many uploads have been answered, whether or not anybody was there to hear it. */
function answered(): number {
  return backend.log.filter((line) => line.includes('"route":"/upload"')).length
}

/** Speaks to the function and tells what it left behind: nothing, unless this throws. */
async function leavesNothing(speak: (connection: RawConnection) => Promise<void>): Promise<void> {
  const before = { kept: await kept(backend), answered: answered() }
  const connection = await rawConnection(served.port)
  await speak(connection)
  await eventually(async () => answered() > before.answered, SOON)
  connection.destroy()
  expect(await kept(backend)).toEqual(before.kept)
  expect(await uploads()).toBe(201)
}

/** Whether an upload goes well now. */
async function uploads(): Promise<number | undefined> {
  const connection = await rawConnection(served.port)
  await connection.write(head())
  await connection.write(photo)
  const answer = await connection.answer()
  connection.destroy()
  return answer?.status
}

function errorOf(answer: { readonly body: string } | undefined): unknown {
  const { error, details } = JSON.parse(answer?.body ?? '{}')
  return [error, details?.[0]?.reason ?? details?.[0]?.message]
}

describe('a client that is gone', () => {
  test.each([
    ['before the form begins', 0],
    ['within the part’s headers', 60],
    ['within the file', 600],
    ['within the last boundary', photo.length - 10],
    ['a byte before the end', photo.length - 1],
  ])('%s leaves nothing', async (_, bytes) => {
    await leavesNothing(async (connection) => {
      await connection.write(head())
      await connection.write(photo.subarray(0, bytes))
      connection.destroy()
    })
  })

  test('within a chunk leaves nothing', async () => {
    await leavesNothing(async (connection) => {
      await connection.write(head({ contentLength: undefined }))
      await connection.write(`${photo.length.toString(16)}\r\n`)
      await connection.write(photo.subarray(0, 600))
      connection.destroy()
    })
  })

  test('after the form but before the last chunk leaves nothing', async () => {
    await leavesNothing(async (connection) => {
      await connection.write(head({ contentLength: undefined }))
      await connection.write(`${photo.length.toString(16)}\r\n`)
      await connection.write(photo)
      connection.destroy()
    })
  })

  test('while parts of the file are being written to the store leaves nothing', async () => {
    const form = rawForm(film(16 * MB), { fileName: 'a.mp4', contentType: 'video/mp4' })

    await leavesNothing(async (connection) => {
      await connection.write(head({ purpose: 'video', contentLength: form.length }))
      await connection.write(form.subarray(0, 11 * MB))
      await eventually(async () => (await kept(backend)).uploads.length === 1, SOON)
      connection.destroy()
    })
  })

  test('for its own part, but still listening, leaves nothing', async () => {
    await leavesNothing(async (connection) => {
      await connection.write(head())
      await connection.write(photo.subarray(0, 600))
      connection.halfClose()

      const answer = await connection.answer()

      // Bun closes at once; Node says why.
      expect([undefined, 400]).toContain(answer?.status)
    })
  })

  test('while its request’s head is not whole leaves nothing', async () => {
    const before = await kept(backend)
    const connection = await rawConnection(served.port)
    await connection.write(head().slice(0, 100))

    connection.destroy()

    expect(await kept(backend)).toEqual(before)
    expect(await uploads()).toBe(201)
  })

  test('after everything has arrived leaves the whole file, or nothing', async () => {
    const before = { kept: await kept(backend), answered: answered() }
    const connection = await rawConnection(served.port)
    await connection.write(head())
    await connection.write(photo)

    connection.destroy()
    await eventually(async () => answered() > before.answered, SOON)

    const { objects, files, uploads } = await kept(backend)
    expect([0, 1]).toContain(objects.length - before.kept.objects.length)
    expect(files.length - before.kept.files.length).toBe(objects.length - before.kept.objects.length)
    expect(files.filter((file) => Object(file).status !== 'ready')).toEqual([])
    expect(uploads).toEqual([])
  })

  test('a hundred times at once leaves nothing', async () => {
    const before = { kept: await kept(backend), answered: answered() }

    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const connection = await rawConnection(served.port)
        await connection.write(head())
        await connection.write(photo.subarray(0, 200 + 10 * index))
        connection.destroy()
      }),
    )
    await eventually(async () => answered() >= before.answered + 100, { withinMs: 20_000 })

    expect(await kept(backend)).toEqual(before.kept)
    expect(await uploads()).toBe(201)
  }, 30_000)
})

describe('a client that stalls', () => {
  async function stalled(bytes: Uint8Array) {
    const before = await kept(backend)
    const connection = await rawConnection(hurried.port)
    const startMs = performance.now()
    await connection.write(head({ contentLength: photo.length + 100 }))
    await connection.write(bytes)
    const answer = await connection.answer()
    const tookMs = performance.now() - startMs
    connection.destroy()
    return { status: answer?.status, error: errorOf(answer), tookMs, before }
  }

  test.each([
    ['before the form', new Uint8Array(0)],
    ['within the part’s headers', photo.subarray(0, 60)],
    ['within the file', photo.subarray(0, 600)],
    ['behind the form', photo],
  ])('%s is told so before the time is over, and leaves nothing', async (_, bytes) => {
    const { status, error, tookMs, before } = await stalled(bytes)

    expect([status, error]).toEqual([400, ['bad_request', 'the body did not arrive in time']])
    expect(tookMs).toBeLessThan(HURRY_MS)
    expect(await kept(backend)).toEqual(before)
    expect(await uploads()).toBe(201)
  })

  test('but never for long is told so, too', async () => {
    const before = await kept(backend)
    const connection = await rawConnection(hurried.port)
    await connection.write(head())
    const state = { isAnswered: false }
    const answer = connection.answer().finally(() => (state.isAnswered = true))

    let sent = 0
    while (!state.isAnswered && sent < photo.length) {
      await connection.write(photo.subarray(sent, ++sent))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }

    expect(errorOf(await answer)).toEqual(['bad_request', 'the body did not arrive in time'])
    expect(sent).toBeLessThan(200)
    connection.destroy()
    expect(await kept(backend)).toEqual(before)
  })
})

describe('the next request on the connection', () => {
  const html = rawForm(Buffer.alloc(MB), { fileName: 'page.html', contentType: 'text/html' })
  const tooLarge = rawForm(new Uint8Array(11 * MB).fill(0x20))
  const twice = Buffer.concat([photo.subarray(0, photo.length - BOUNDARY.length - 6), photo])

  test.each([
    ['of a wrong type', html, 415],
    ['too large', tooLarge, 413],
    ['of two files', twice, 413],
    ['without an end', Buffer.concat([photo.subarray(0, -4), Buffer.alloc(MB)]), 400],
    ['in no form', Buffer.alloc(MB), 400],
  ])('is answered after an upload %s', async (_, form, status) => {
    const connection = await rawConnection(served.port)
    await connection.write(head({ contentLength: form.length }))
    const writing = connection.write(form)
    const refused = await connection.answer()
    await writing

    await connection.write(FILES())
    const next = await connection.answer()

    connection.destroy()
    expect([refused?.status, next?.status]).toEqual([status, 200])
    expect(JSON.parse(next?.body ?? '').data.items).toBeInstanceOf(Array)
  })

  test('is answered after an upload in chunks that is refused at its beginning', async () => {
    const connection = await rawConnection(served.port)
    await connection.write(head({ contentLength: undefined }))
    const writing = connection.write(`${html.length.toString(16)}\r\n`)
    void connection.write(html)
    const refused = await connection.answer()
    await writing

    await connection.write(`\r\n0\r\n\r\n${FILES()}`)
    const next = await connection.answer()

    connection.destroy()
    expect([refused?.status, next?.status]).toEqual([415, 200])
  })

  test('is answered after an upload with garbage behind its form', async () => {
    const form = Buffer.concat([photo, Buffer.from(`GET / HTTP/1.1\r\n\r\n--${BOUNDARY}\r\n\0`)])
    const connection = await rawConnection(served.port)
    await connection.write(head({ contentLength: form.length }))
    await connection.write(form)
    const first = await connection.answer()

    await connection.write(FILES())
    const next = await connection.answer()

    connection.destroy()
    expect([first?.status, next?.status]).toEqual([201, 200])
  })

  test('that is none is refused, and the file before it stays what it was', async () => {
    const connection = await rawConnection(served.port)
    await connection.write(head())
    await connection.write(photo)
    const first = await connection.answer()

    await connection.write('\0\0garbage\r\n\r\n')
    const next = await connection.answer()

    connection.destroy()
    expect(first?.status).toBe(201)
    expect([undefined, 400]).toContain(next?.status)
    expect(await uploads()).toBe(201)
  })
})

describe('Expect: 100-continue', () => {
  const asking = { more: 'Expect: 100-continue\r\n' }

  test('is answered, and then the upload', async () => {
    const connection = await rawConnection(served.port)
    await connection.write(head(asking))
    const interim = await connection.answer()
    await connection.write(photo)
    const answer = await connection.answer()

    connection.destroy()
    expect([interim?.status, answer?.status]).toEqual([100, 201])
  })

  test('without a token ends in a 401 before the body comes', async () => {
    const connection = await rawConnection(served.port)
    await connection.write(head({ ...asking, token: 'none' }))

    const statuses = [await connection.answer(), await connection.answer()].map((answer) => answer?.status)

    connection.destroy()
    expect(statuses).toEqual([100, 401])
  })
})

test('two hundred uploads at once, good and bad, are each answered right, and are counted exactly', async () => {
  const bob = await backend.signIn('bob')
  const forms: readonly (readonly [form: Buffer, status: number])[] = [
    [photo, 201],
    [rawForm(PNG, { fileName: '头像.png', contentType: 'image/png' }), 201],
    [rawForm(Buffer.from('<!doctype html>'), { fileName: 'a.jpg' }), 415],
    [rawForm(JPEG, { fileName: 'a.png' }), 415],
    [rawForm(JPEG, { fileName: 'a.exe' }), 415],
    [photo.subarray(0, 700), 400],
    [rawForm(JPEG, { name: 'other' }), 400],
    [Buffer.concat([photo.subarray(0, photo.length - BOUNDARY.length - 6), photo]), 413],
    [rawForm(JPEG.slice(0, 500)), 415],
    [rawForm(new Uint8Array(0)), 415],
  ]
  const chosen = Array.from({ length: 20 }, () => forms).flat()

  const answers = await Promise.all(
    chosen.map(async ([form]) => {
      const answer = await fetch(`${served.url}/api/v1/upload?purpose=image`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${bob.accessToken}`,
          'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        },
        body: new Uint8Array(form),
      })
      const { data } = Object(await answer.json())
      return { status: answer.status, sizeBytes: Number(data?.sizeBytes ?? 0) }
    }),
  )

  expect(answers.map(({ status }) => status)).toEqual(chosen.map(([, status]) => status))
  const { usage, files, uploads } = await kept(backend)
  const bytes = answers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  expect(usage).toContainEqual(expect.objectContaining({ files: 40, bytes: expect.anything() }))
  expect(usage.map((row) => Number(Object(row).bytes))).toContain(bytes)
  expect(files.filter((file) => Object(file).status === 'uploading')).toEqual([])
  expect(uploads).toEqual([])
}, 60_000)
