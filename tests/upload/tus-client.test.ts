import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as tus from 'tus-js-client'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { eventually } from '#tests/services/eventually.ts'
import { tcpProxy } from '#tests/services/tcp-proxy.ts'
import { type CuttingProxy, cuttingProxy } from './cutting-proxy.ts'
import { type ServedApp, serveApp } from './serve-app.ts'

const MB = 1024 * 1024
const CHUNK = 5 * MB
const PIECE = 'application/offset+octet-stream'

let backend: Backend
let alice: SignedIn
let bob: SignedIn
let served: ServedApp
let proxy: CuttingProxy
beforeAll(async () => {
  backend = await startBackend()
  ;[alice, bob] = [await backend.signIn('alice'), await backend.signIn('bob')]
  served = await serveApp(backend.upload, backend.now)
  proxy = await cuttingProxy(served.port)
}, 30_000)
afterAll(async () => {
  await proxy?.close()
  await served?.stop()
  await backend?.close()
})

/** What passes for a film: the box that says so, and noise. */
function film(sizeBytes: number): Buffer {
  const head = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2\0\0\0\0mdat', 'latin1')
  head.writeUInt32BE(sizeBytes - 24, 24)
  return Buffer.concat([head, randomBytes(sizeBytes - head.length)])
}

function endpoint(port: number): string {
  return `http://127.0.0.1:${port}/api/v1/tus`
}

function signedInAs({ accessToken }: SignedIn): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${accessToken}` }
}

interface Outcome {
  readonly upload: tus.Upload
  /** Statuses of the answers, in turn, with their methods. */
  readonly answers: readonly string[]
  readonly error: Error | undefined
}

/** Runs the official client until it is done or has given up. */
function run(
  file: Buffer,
  options: tus.UploadOptions,
  prepare: (upload: tus.Upload) => Promise<void> = async () => {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const answers: string[] = []
    const upload: tus.Upload = new tus.Upload(file, {
      endpoint: endpoint(served.port),
      headers: signedInAs(alice),
      metadata: { filename: 'holiday.mp4', filetype: 'video/mp4', purpose: 'video' },
      chunkSize: CHUNK,
      retryDelays: null,
      onAfterResponse(request, response) {
        answers.push(`${request.getMethod()} ${response.getStatus()}`)
      },
      onSuccess: () => resolve({ upload, answers, error: undefined }),
      onError: (error) => resolve({ upload, answers, error }),
      ...options,
    })
    prepare(upload).then(() => upload.start(), reject)
  })
}

function fileId({ url }: tus.Upload): string {
  return url?.split('/').at(-1) ?? ''
}

/** The file as its owner downloads it. */
async function downloaded(upload: tus.Upload) {
  const answer = await fetch(`${served.url}/api/v1/files/${fileId(upload)}`, { headers: signedInAs(alice) })
  const bytes = Buffer.from(await answer.arrayBuffer())
  return { status: answer.status, sha256: sha256(bytes), sizeBytes: bytes.length, headers: answer.headers }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The URLs that a client remembers, in memory. */
function urlMemory(): tus.UrlStorage {
  const kept = new Map<string, { readonly fingerprint: string; readonly upload: tus.PreviousUpload }>()
  const all = () =>
    [...kept].map(([key, { fingerprint, upload }]) => ({ fingerprint, ...upload, urlStorageKey: key }))
  return {
    findAllUploads: async () => all(),
    findUploadsByFingerprint: async (wanted) => all().filter(({ fingerprint }) => fingerprint === wanted),
    async removeUpload(key) {
      kept.delete(key)
    },
    async addUpload(fingerprint, upload) {
      const key = `${fingerprint}-${kept.size}`
      kept.set(key, { fingerprint, upload })
      return key
    },
  }
}

/** A request without the client. */
function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Uint8Array,
) {
  return fetch(`${served.url}/api/v1/tus${path}`, {
    method,
    headers: { 'tus-resumable': '1.0.0', ...signedInAs(alice), ...headers },
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  })
}

function metadata(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

const FILM = metadata({ filename: 'a.mp4', filetype: 'video/mp4', purpose: 'video' })

/** A new upload of alice's: `/id`. */
async function created(sizeBytes: number): Promise<string> {
  const answer = await ask('POST', '', { 'upload-length': String(sizeBytes), 'upload-metadata': FILM })
  const location = new URL(answer.headers.get('location') ?? '', served.url)
  return location.pathname.slice('/api/v1/tus'.length)
}

const append = (
  path: string,
  offset: number,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
) => ask('PATCH', path, { 'content-type': PIECE, 'upload-offset': String(offset), ...headers }, body)

async function offsetOf(path: string): Promise<number> {
  return Number((await ask('HEAD', path)).headers.get('upload-offset'))
}

async function errorOf(answer: Response): Promise<unknown> {
  return { ...Object(await answer.json()) }.error
}

describe('tus-js-client', () => {
  test('uploads 20 MB in chunks of 5 MB', async () => {
    const file = film(20 * MB)

    const { upload, answers, error } = await run(file, {})

    expect(error).toBeUndefined()
    expect(answers).toEqual(['POST 201', 'PATCH 204', 'PATCH 204', 'PATCH 204', 'PATCH 204'])
    expect(await downloaded(upload)).toMatchObject({ status: 200, sha256: sha256(file) })
  }, 30_000)

  test('uploads in one go', async () => {
    const file = film(3 * MB + 1)

    const { upload, answers } = await run(file, { chunkSize: Infinity })

    expect(answers).toEqual(['POST 201', 'PATCH 204'])
    expect(await downloaded(upload)).toMatchObject({ status: 200, sha256: sha256(file) })
  })

  test('uploads by POST where PATCH is not to be had', async () => {
    const file = film(6 * MB)

    const { upload, answers, error } = await run(file, { overridePatchMethod: true })

    expect(error).toBeUndefined()
    expect(answers).toEqual(['POST 201', 'POST 204', 'POST 204'])
    expect(await downloaded(upload)).toMatchObject({ status: 200, sha256: sha256(file) })
  })

  test('gives the file a Chinese name', async () => {
    const named = { filename: '春节·全家福.mp4', filetype: 'video/mp4', purpose: 'video' }

    const { upload } = await run(film(MB), { metadata: named })

    const answer = await downloaded(upload)
    expect(decodeURIComponent(answer.headers.get('content-disposition') ?? '')).toContain('春节·全家福.mp4')
  })

  test('goes on in another process after its connection was cut in the middle of a chunk', async () => {
    const file = film(20 * MB)
    const through = { endpoint: endpoint(proxy.port), urlStorage: urlMemory(), chunkSize: Infinity }
    proxy.cutAfter(15 * MB)
    const cut = await run(file, through)
    const path = `/${fileId(cut.upload)}`
    const kept = await eventually(async () => (await offsetOf(path)) || false, { withinMs: 5_000 })

    const { upload, answers, error } = await run(file, through, async (upload) => {
      const [previous] = await upload.findPreviousUploads()
      if (previous !== undefined) upload.resumeFromPreviousUpload(previous)
    })

    expect(cut.error).toBeInstanceOf(Error)
    expect(kept).toBeLessThan(15 * MB)
    expect(error).toBeUndefined()
    expect(answers).toEqual(['HEAD 200', 'PATCH 204'])
    expect(fileId(upload)).toBe(fileId(cut.upload))
    expect(await downloaded(upload)).toMatchObject({ status: 200, sha256: sha256(file) })
  }, 30_000)

  test('goes on by itself when a connection is cut', async () => {
    const file = film(12 * MB)
    proxy.cutAfter(CHUNK + MB)

    const { upload, error } = await run(file, {
      endpoint: endpoint(proxy.port),
      retryDelays: [0, 50, 200],
    })

    expect([proxy.isCut(), error]).toEqual([true, undefined])
    expect(await downloaded(upload)).toMatchObject({ status: 200, sha256: sha256(file) })
  }, 30_000)

  test('is not hurt by an attempt that hung and broke off once another had overtaken it', async () => {
    const file = film(12 * MB)
    const hung = await created(file.length)
    const silent = await tcpProxy(served.port)
    const lost = new AbortController()
    const half = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(file.subarray(0, MB))),
    })
    const attempt = fetch(`http://127.0.0.1:${silent.port}/api/v1/tus${hung}`, {
      method: 'PATCH',
      headers: {
        ...signedInAs(alice),
        'tus-resumable': '1.0.0',
        'content-type': PIECE,
        'upload-offset': '0',
      },
      body: half,
      duplex: 'half',
      signal: lost.signal,
    }).catch(() => undefined)

    await append(hung, 0, file.subarray(0, CHUNK))
    silent.cut()
    lost.abort()
    await attempt
    const { upload, error } = await run(file, {
      uploadUrl: `${endpoint(served.port)}${hung}`,
      retryDelays: [0, 50, 200],
    })
    await silent.close()

    expect(error).toBeUndefined()
    expect(await downloaded(upload)).toMatchObject({ status: 200, sha256: sha256(file) })
  }, 30_000)

  test('ends an upload, which is gone then', async () => {
    const url = `${endpoint(served.port)}${await created(MB)}`

    await tus.Upload.terminate(url, { headers: signedInAs(alice), retryDelays: null })

    expect(
      (await fetch(url, { method: 'HEAD', headers: { ...signedInAs(alice), 'tus-resumable': '1.0.0' } }))
        .status,
    ).toBe(404)
  })

  test('is told what kind of file is wrong', async () => {
    const { error } = await run(film(MB), { metadata: { filename: 'a.exe', purpose: 'video' } })

    expect(String(error)).toContain('response code: 415')
  })
})

describe('OPTIONS /tus', () => {
  test('tells anybody what there is', async () => {
    const answer = await fetch(endpoint(served.port), { method: 'OPTIONS' })

    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'tus-version': '1.0.0',
      'tus-extension': 'creation,expiration,termination',
      'tus-max-size': String(1024 * MB),
    })
  })
})

describe('POST /tus', () => {
  test('answers with where to go on, and until when', async () => {
    const answer = await ask('POST', '', { 'upload-length': '100', 'upload-metadata': FILM })

    expect([answer.status, answer.headers.get('tus-resumable')]).toEqual([201, '1.0.0'])
    expect(answer.headers.get('location')).toMatch(/\/api\/v1\/tus\/[0-9a-f-]{36}$/)
    expect(Date.parse(answer.headers.get('upload-expires') ?? '')).toBe(backend.now() + 24 * 3_600_000)
  })

  test.each([
    ['without a length', { 'upload-metadata': FILM }, 400],
    ['with a length that comes later', { 'upload-defer-length': '1', 'upload-metadata': FILM }, 400],
    ['with a negative length', { 'upload-length': '-1', 'upload-metadata': FILM }, 400],
    ['with a length that is no number', { 'upload-length': '1e3', 'upload-metadata': FILM }, 400],
    [
      'without a purpose',
      { 'upload-length': '100', 'upload-metadata': metadata({ filename: 'a.mp4' }) },
      400,
    ],
    ['without any metadata', { 'upload-length': '100' }, 400],
    ['of more than there may be', { 'upload-length': String(1024 * MB + 1), 'upload-metadata': FILM }, 413],
  ])('%s is refused', async (_, headers, status) => {
    const answer = await ask('POST', '', headers)

    expect([answer.status, answer.headers.get('tus-resumable')]).toEqual([status, '1.0.0'])
  })
})

test.each([
  ['POST', '', ''],
  ['POST', '', '0.2.2'],
  ['HEAD', '/0', '1.0.1'],
  ['PATCH', '/0', '2.0.0'],
  ['DELETE', '/0', ''],
])('%s /tus%s in version %j is a 412 that names ours', async (method, path, version) => {
  const answer = await ask(method, path, { 'tus-resumable': version })

  expect([answer.status, answer.headers.get('tus-version')]).toEqual([412, '1.0.0'])
})

describe('PATCH /tus/{id}', () => {
  test('at another offset than the server’s is a 409 and changes nothing', async () => {
    const path = await created(1_000)
    await append(path, 0, film(1_000).subarray(0, 400))

    const answers = await Promise.all(
      [0, 399, 401, 1_000].map((offset) => append(path, offset, randomBytes(10))),
    )

    expect(answers.map(({ status }) => status)).toEqual([409, 409, 409, 409])
    expect(await offsetOf(path)).toBe(400)
  })

  test('of another type is a 415 and changes nothing', async () => {
    const path = await created(1_000)

    const answer = await append(path, 0, randomBytes(10), { 'content-type': 'application/octet-stream' })

    expect([answer.status, answer.headers.get('tus-resumable'), await offsetOf(path)]).toEqual([
      415,
      '1.0.0',
      0,
    ])
  })

  test.each(['', '-1', '0x0', '1.0', 'zero'])('at offset %j is a 400', async (offset) => {
    const path = await created(1_000)

    expect((await append(path, 0, randomBytes(10), { 'upload-offset': offset })).status).toBe(400)
  })

  test('of more than was announced is a 413 and changes nothing', async () => {
    const path = await created(1_000)
    await append(path, 0, film(1_000).subarray(0, 400))

    const answer = await append(path, 400, randomBytes(601))

    expect([answer.status, await offsetOf(path)]).toEqual([413, 400])
  })

  test('tells where it is now, and until when', async () => {
    const path = await created(1_000)

    const answer = await append(path, 0, film(1_000).subarray(0, 400))

    expect([answer.status, answer.headers.get('upload-offset')]).toEqual([204, '400'])
    expect(Date.parse(answer.headers.get('upload-expires') ?? '')).toBe(backend.now() + 24 * 3_600_000)
  })

  test('of nothing stays where it is, and the upload goes on', async () => {
    const file = film(1_000)
    const path = await created(file.length)
    await append(path, 0, file.subarray(0, 400))

    const nothing = await append(path, 400, new Uint8Array(0))
    const rest = await append(path, 400, file.subarray(400))

    expect([nothing.status, nothing.headers.get('upload-offset')]).toEqual([204, '400'])
    expect([rest.status, rest.headers.get('upload-offset')]).toEqual([204, '1000'])
  })

  test('twice at once makes one file of the bytes that were sent', async () => {
    const file = film(2_000)
    const path = await created(file.length)
    await append(path, 0, file.subarray(0, 500))

    const answers = await Promise.all([1, 2, 3].map(() => append(path, 500, file.subarray(500))))

    expect(answers.map(({ status }) => status)).toContain(204)
    const answer = await fetch(`${served.url}/api/v1/files${path}`, { headers: signedInAs(alice) })
    expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(file))
  })

  test('whose last bytes make a file that is not what it claims to be is a 415, and the upload is gone', async () => {
    const path = await created(1_000)

    const answer = await append(path, 0, randomBytes(1_000).fill('<script>alert(1)</script>', 0, 100))

    expect([answer.status, await errorOf(answer)]).toEqual([415, 'unsupported_media_type'])
    expect((await ask('HEAD', path)).status).toBe(404)
  })
})

describe('HEAD /tus/{id}', () => {
  test('tells offset and length, and is not to be kept', async () => {
    const path = await created(1_000)
    await append(path, 0, film(1_000).subarray(0, 400))

    const answer = await ask('HEAD', path)

    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'tus-resumable': '1.0.0',
      'upload-offset': '400',
      'upload-length': '1000',
      'cache-control': 'no-store',
    })
  })

  test('of a whole upload tells its end', async () => {
    const path = await created(1_000)
    await append(path, 0, film(1_000))

    expect(await offsetOf(path)).toBe(1_000)
  })
})

describe('somebody else’s upload', () => {
  test.each(['HEAD', 'PATCH', 'DELETE'])('is not there for %s', async (method) => {
    const path = await created(1_000)
    const headers = { ...signedInAs(bob), 'content-type': PIECE, 'upload-offset': '0' }

    const answer = await ask(method, path, headers, method === 'PATCH' ? randomBytes(10) : undefined)

    expect([answer.status, await offsetOf(path)]).toEqual([404, 0])
  })

  test('is a 401 for who is nobody', async () => {
    const path = await created(1_000)

    const answer = await ask('HEAD', path, { authorization: '' })

    expect(answer.status).toBe(401)
  })
})

test('an upload that was ended is gone, and cannot be ended twice', async () => {
  const path = await created(1_000)
  await append(path, 0, film(1_000).subarray(0, 400))

  const ended = await ask('DELETE', path)
  const after = await Promise.all([
    ask('HEAD', path),
    append(path, 400, randomBytes(10)),
    ask('DELETE', path),
  ])

  expect(ended.status).toBe(204)
  expect(after.map(({ status }) => status)).toEqual([404, 404, 404])
})

test('an upload that has run out is gone', async () => {
  const path = await created(1_000)
  await append(path, 0, film(1_000).subarray(0, 400))

  backend.advance(24 * 3_600_000)
  alice = await backend.signIn('alice')
  const after = await Promise.all([
    ask('HEAD', path),
    append(path, 400, randomBytes(10)),
    ask('DELETE', path),
  ])

  expect(after.map(({ status }) => status)).toEqual([404, 404, 404])
})
