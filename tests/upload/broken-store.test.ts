import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { type Backend, startBackend } from '#tests/backend.ts'
import { testInvocation } from '#tests/invocation.ts'
import { eventually } from '#tests/services/eventually.ts'
import { SECRET_KEY, type StartedStore, startStore } from '#tests/storage/start-store.ts'
import { type Announced, fileClient, postForm, putPart } from './client.ts'
import { kept } from './kept.ts'
import { film } from './raw-form.ts'
import { JPEG } from './samples.ts'

const MB = 1024 * 1024
/** What a deployment has is seconds. */
const LIMITS = { answerMs: 800, idleMs: 800 }

let started: StartedStore
let storage: ObjectStore
/** The same bucket for looking at it, however busy the machine. */
let patient: ObjectStore
let backend: Backend
let token: string
let alice: ReturnType<typeof fileClient>
beforeAll(async () => {
  started = await startStore()
  storage = started.open({ scheme: 's3', style: 'path' }, { limits: LIMITS })
  patient = started.open({ scheme: 's3', style: 'path' })
  backend = await startBackend({ upload: { storage } })
  const signedIn = await backend.signIn('alice')
  token = signedIn.accessToken
  alice = fileClient(backend, signedIn)
  await alice.upload(JPEG) // from here on there is something to compare with
})
afterEach(() => started.server.failures.clear())
afterAll(async () => {
  await backend?.close()
  await started?.stop()
})

const failures = () => started.server.failures
const FILM: Announced = { name: 'a.mp4', contentType: 'video/mp4', purpose: 'video' }
const PIECE = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' }

/** What is kept, the files on the store's disk included. */
async function everything() {
  return { ...(await kept(backend, patient)), disk: await started.files() }
}

/** Begins a form and sends its file to the store. */
async function postedForm(): Promise<string> {
  const { body } = await alice.begin({ sizeBytes: JPEG.byteLength })
  await postForm(body.data, JPEG)
  return body.data.id
}

async function sentParts(file: Uint8Array<ArrayBuffer>): Promise<string> {
  const { body } = await alice.begin({ ...FILM, sizeBytes: file.byteLength, resumable: true })
  const { id, partSizeBytes, parts } = body.data
  for (const { number, url } of parts)
    await putPart(url, file.slice((number - 1) * partSizeBytes, number * partSizeBytes))
  return id
}

async function createdTus(sizeBytes: number): Promise<string> {
  const metadata = ['filename YS5tcDQ=', 'filetype dmlkZW8vbXA0', 'purpose dmlkZW8='].join(',')
  const { headers } = await alice.send('/tus', {
    method: 'POST',
    headers: { 'tus-resumable': '1.0.0', 'upload-length': String(sizeBytes), 'upload-metadata': metadata },
  })
  return new URL(headers.get('location') ?? '', 'http://127.0.0.1').pathname.slice('/api/v1'.length)
}

function append(path: string, body: Uint8Array<ArrayBuffer>, offset = 0) {
  return alice.send(path, { method: 'PATCH', headers: { ...PIECE, 'upload-offset': String(offset) }, body })
}

/** A call whose answer is left as it comes. */
function bare(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, ...Object.fromEntries(new Headers(init.headers)) }
  const request = new Request(`http://127.0.0.1/api/v1${path}`, { ...init, headers })
  return backend.upload.fetch(request, testInvocation())
}

interface StoreCall {
  /** While the store is well. */
  readonly prepare: () => Promise<string>
  readonly call: (made: string) => Promise<{ readonly status: number }>
  readonly well: number
}

/** Every call of a client that needs the store. */
const CALLS = {
  'POST /upload': { prepare: async () => '', call: () => alice.upload(JPEG), well: 201 },
  'POST /uploads of parts': {
    prepare: async () => '',
    call: () => alice.begin({ ...FILM, sizeBytes: 12 * MB, resumable: true }),
    well: 201,
  },
  'GET /uploads/{id} of parts': {
    prepare: () => sentParts(film(MB)),
    call: (id) => alice.get(`/uploads/${id}`),
    well: 200,
  },
  'POST /uploads/{id}/complete of a form': {
    prepare: postedForm,
    call: (id) => alice.complete(id),
    well: 200,
  },
  'POST /uploads/{id}/complete of parts': {
    prepare: () => sentParts(film(6 * MB)),
    call: (id) => alice.complete(id),
    well: 200,
  },
  'PATCH /tus/{id}': {
    prepare: () => createdTus(1_000),
    call: (path) => append(path, film(1_000)),
    well: 204,
  },
  'HEAD /tus/{id}': {
    prepare: () => createdTus(1_000),
    call: (path) => bare(path, { method: 'HEAD', headers: PIECE }),
    well: 200,
  },
  'GET /files/{id}': {
    prepare: async () => (await alice.upload(JPEG)).body.data.id,
    call: (id) => alice.send(`/files/${id}`),
    well: 200,
  },
} as const satisfies Record<string, StoreCall>

const FAULTS = [
  ['drops connections', { request: '*', connection: 'drop' }],
  ['never answers', { request: '*', connection: 'silent' }],
  ['answers 503', { request: '*', status: 503 }],
  ['answers 500', { request: '*', status: 500 }],
] as const

describe.each(Object.entries(CALLS))('%s', (_, { prepare, call, well }) => {
  test.each(FAULTS)(
    'is a 503 while the store %s, leaves nothing, and goes well afterwards',
    async (_fault, failure) => {
      const made = await prepare()
      await backend.settled()
      const before = await everything()
      const lines = backend.log.length
      failures().add(failure)
      const startMs = performance.now()

      const { status } = await call(made)

      expect(status).toBe(503)
      expect(performance.now() - startMs).toBeLessThan(3_000)
      failures().clear()
      expect(backend.log.slice(lines).filter((line) => line.includes('"http.refused"'))).toEqual([
        expect.stringMatching(/Cannot (?:read|write|look at|copy|list|begin|complete|start|delete)[^"]*/),
      ])
      await eventually(async () => JSON.stringify(await everything()) === JSON.stringify(before), {
        withinMs: 5_000,
      })
      expect((await call(made)).status).toBe(well)
    },
    20_000,
  )
})

describe('a store that answers too late', () => {
  const LATE = { latencyMs: 1_600 }

  test.each([
    ['POST /upload', 'PUT'],
    ['POST /uploads/{id}/complete of a form', 'PUT'],
    ['POST /uploads/{id}/complete of parts', 'POST uploadId'],
    ['PATCH /tus/{id}', 'GET list-type'],
    ['PATCH /tus/{id}', 'PUT'],
  ] as const)('to %s (%s) makes a 503 of it, and it goes well afterwards', async (name, request) => {
    const { prepare, call, well }: StoreCall = CALLS[name]
    const made = await prepare()
    await backend.settled()
    const { usage } = await everything()
    failures().add({ request, ...LATE })

    const { status } = await call(made)

    expect(status).toBe(503)
    failures().clear()
    expect((await everything()).usage).toEqual(usage)
    expect((await call(made)).status).toBe(well)
  })

  test('and begins an upload of which nobody knows leaves that to the sweep', async () => {
    const { usage, files, uploads } = await everything()
    failures().add({ request: 'POST uploads', ...LATE })

    const { status } = await alice.begin({ ...FILM, sizeBytes: 12 * MB, resumable: true })

    expect(status).toBe(503)
    const after = await eventually(
      async () => (await everything()).uploads.length > uploads.length && everything(),
      { withinMs: 5_000 },
    )
    expect([after.usage, after.files]).toEqual([usage, files])
  })
})

test('a form is issued while the store is down, since that asks it nothing', async () => {
  failures().add({ request: '*', connection: 'drop' })

  const { status } = await alice.begin({ sizeBytes: JPEG.byteLength })

  expect(status).toBe(201)
})

describe('a large file through the function', () => {
  test.each([
    ['refuses the first part', { request: 'PUT partNumber', status: 503 }],
    ['refuses the second part', { request: 'PUT partNumber', after: 1, status: 503 }],
    ['drops the connection of the third part', { request: 'PUT partNumber', after: 2, connection: 'drop' }],
    ['does not put the parts together', { request: 'POST uploadId', status: 503 }],
    ['does not begin', { request: 'POST uploads', status: 503 }],
  ] as const)('is a 503 when the store %s, and nothing is kept of it', async (_, failure) => {
    const file = film(14 * MB)
    const before = await everything()
    failures().add(failure)

    const { status, headers } = await alice.upload(file, FILM)

    expect([status, headers.get('retry-after')]).toEqual([503, '1'])
    failures().clear()
    expect(await everything()).toEqual(before)
    expect((await alice.upload(file, FILM)).status).toBe(201)
  })

  test('survives one lost connection', async () => {
    failures().add({ request: 'PUT partNumber', after: 1, times: 1, connection: 'drop' })

    expect((await alice.upload(film(14 * MB), FILM)).status).toBe(201)
  })

  test('comes over slow parts', async () => {
    failures().add({ request: 'PUT partNumber', latencyMs: 400 })

    expect((await alice.upload(film(11 * MB), FILM)).status).toBe(201)
  })

  test('is answered when the time is over while a part hangs, and nothing is kept of it', async () => {
    const before = await everything()
    failures().add({ request: 'PUT partNumber', connection: 'silent' })
    const form = new FormData()
    form.set('file', new File([film(11 * MB)], 'a.mp4', { type: 'video/mp4' }))
    const request = new Request('http://127.0.0.1/api/v1/upload?purpose=video', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: form,
    })
    const startMs = performance.now()

    const response = await backend.upload.fetch(request, testInvocation({ deadline: backend.now() + 1_000 }))

    expect([response.status, await response.json()]).toEqual([
      504,
      expect.objectContaining({ error: 'upstream_timeout' }),
    ])
    expect(performance.now() - startMs).toBeLessThan(2_000)
    failures().clear()
    await eventually(async () => JSON.stringify(await everything()) === JSON.stringify(before), {
      withinMs: 5_000,
    })
  })
})

describe('a download', () => {
  test.each(['cut', 'stall'] as const)(
    'that the store lets %s breaks off, and is never short',
    async (connection) => {
      const { body } = await alice.upload(film(2 * MB), FILM)
      failures().add({ request: 'GET', connection })

      const response = await bare(`/files/${body.data.id}`)

      expect([response.status, response.headers.get('content-length')]).toEqual([200, String(2 * MB)])
      await expect(response.arrayBuffer()).rejects.toThrow()
    },
  )

  test('is told about without asking the store', async () => {
    const { body } = await alice.upload(JPEG)
    failures().add({ request: '*', connection: 'drop' })

    const { status } = await alice.send(`/files/${body.data.id}`, { method: 'HEAD' })

    expect(status).toBe(200)
  })
})

test('a file is deleted while the store is down; its object waits for a sweep', async () => {
  const { body } = await alice.upload(JPEG)
  failures().add({ request: '*', connection: 'drop' })

  const removed = await alice.remove(`/files/${body.data.id}`)

  expect([removed.status, (await alice.get(`/files/${body.data.id}`)).status]).toEqual([200, 404])
  expect(backend.log.filter((line) => line.includes('files.left_to_sweep')).length).toBeGreaterThan(0)
})

test('a full quota is free again after the store was down', async () => {
  const small = await startBackend({ upload: { storage, quota: { bytes: 20 * MB, files: 1 } } })
  try {
    const carol = fileClient(small, await small.signIn('carol'))
    failures().add({ request: '*', status: 503 })
    const down = await carol.upload(JPEG)
    failures().clear()

    const answers = [down, await carol.upload(JPEG), await carol.upload(JPEG)]

    expect(answers.map(({ status }) => status)).toEqual([503, 201, 413])
  } finally {
    await small.close()
  }
})

test('no log line holds a secret, a signature or a token', () => {
  const log = backend.log.join('\n')

  expect(log).toContain('"http.refused"')
  expect(log).not.toMatch(/X-Amz-Signature|x-amz-signature|Signature=|AWS4-HMAC|sign=/)
  expect(log).not.toContain(SECRET_KEY)
  expect(log).not.toContain(token)
})
