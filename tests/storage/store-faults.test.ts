import { createServer } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { randomId } from '#shared/ids.ts'
import { secret } from '#shared/secret.ts'
import { PART_BYTES } from '#shared/storage/object-store.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'
import { readAll, streamOf } from './bodies.ts'
import { type StartedStore, startStore, storageUrl } from './start-store.ts'

const never = new AbortController().signal
const text = { contentType: 'text/plain' }
const IMPATIENT = { answerMs: 300, idleMs: 300 }
const PATIENT = { answerMs: 5_000, idleMs: 300 }
const FLAVOUR = { scheme: 's3', style: 'path' } as const

let started: StartedStore
beforeAll(async () => {
  started = await startStore()
})
afterEach(() => started.server.failures.clear())
afterAll(() => started.stop())

const store = (limits = PATIENT) => started.open(FLAVOUR, { limits })
const unavailable = { error: 'unavailable' }

/** Every call of the port that asks the store something. */
const CALLS: readonly [name: string, act: () => Promise<unknown>][] = [
  ['head', () => store(IMPATIENT).head('a', never)],
  ['get', () => store(IMPATIENT).get('a', {}, never)],
  ['put', () => store(IMPATIENT).put('a', Buffer.from('a'), text, never)],
  ['put of a stream', () => store(IMPATIENT).put('a', streamOf(PART_BYTES + 1), text, never)],
  ['copy', () => store(IMPATIENT).copy({ from: 'a', to: 'b', ifMatch: 'c' }, never)],
  ['delete', () => store(IMPATIENT).delete('a', never)],
  ['list', () => store(IMPATIENT).list({ prefix: '', limit: 1 }, never)],
  ['create', () => store(IMPATIENT).multipart.create('a', text, never)],
  ['parts', () => store(IMPATIENT).multipart.parts({ key: 'a', uploadId: 'b' }, never)],
  ['complete', () => store(IMPATIENT).multipart.complete({ key: 'a', uploadId: 'b', parts: [] }, never)],
  ['abort', () => store(IMPATIENT).multipart.abort({ key: 'a', uploadId: 'b' }, never)],
  ['list of uploads', () => store(IMPATIENT).multipart.list({ prefix: '', limit: 1 }, never)],
]

describe.each(CALLS)('%s', (_, act) => {
  test('is unavailable when the store hangs, within the time of a call', async () => {
    started.server.failures.add({ request: '*', connection: 'silent' })
    const startMs = performance.now()

    await expect(act()).rejects.toMatchObject(unavailable)

    expect(performance.now() - startMs).toBeLessThan(3_000)
  })

  test('is unavailable when the store drops the connection', async () => {
    started.server.failures.add({ request: '*', connection: 'drop' })

    await expect(act()).rejects.toMatchObject(unavailable)
  })

  test.each([500, 503, 429])('is unavailable when the store answers %d', async (status) => {
    started.server.failures.add({ request: '*', status })

    await expect(act()).rejects.toMatchObject({ ...unavailable, retryAfterS: 1 })
  })

  test('is a failure upstream when the store refuses', async () => {
    started.server.failures.add({ request: '*', status: 403 })

    await expect(act()).rejects.toMatchObject({ error: 'upstream_failed' })
  })
})

test('nobody listening is unavailable, at once', async () => {
  const gone = await startStore()
  await gone.stop()

  await expect(gone.open(FLAVOUR).head('a', never)).rejects.toMatchObject(unavailable)
})

test.each(['HEAD', 'GET', 'PUT', 'DELETE'])(
  'one lost connection of a %s is nobody’s loss',
  async (request) => {
    const key = randomId()
    await store().put(key, Buffer.from('abc'), text, never)
    started.server.failures.add({ request, times: 1, connection: 'drop' })

    await store().head(key, never)
    const got = await store().get(key, {}, never)
    await store().put(key, Buffer.from('abcd'), text, never)
    await store().delete(key, never)

    expect(got && (await readAll(got.body)).toString()).toBe('abc')
    expect(await store().head(key, never)).toBeUndefined()
  },
)

test.each(['cut', 'stall'] as const)(
  'a body that the store lets %s ends with an error, never short',
  async (connection) => {
    const key = randomId()
    await store().put(key, Buffer.alloc(300_000), text, never)
    started.server.failures.add({ request: 'GET', connection })

    const got = await store().get(key, {}, never)

    await expect(got && readAll(got.body)).rejects.toMatchObject(unavailable)
  },
)

test('a part that fails takes the whole upload with it', async () => {
  // Of its own: what tests before left on its way may still arrive at theirs.
  const own = await startStore()
  try {
    const bucket = own.open({ scheme: 's3', style: 'path' })
    own.server.failures.add({ request: 'PUT partNumber', after: 1, status: 500 })

    const put = bucket.put(randomId(), streamOf(2 * PART_BYTES + 1), text, never)

    await expect(put).rejects.toMatchObject(unavailable)
    expect(await bucket.multipart.list({ prefix: '', limit: 10 }, never)).toEqual([])
    expect(await own.files()).toEqual([])
  } finally {
    await own.stop()
  }
})

test('the end of the caller’s signal is the end of a call and of a body', async () => {
  const key = randomId()
  await store().put(key, Buffer.alloc(3_000_000), text, never)
  const ended = AbortSignal.abort(new Error('enough'))
  const given = new AbortController()

  const got = await store().get(key, {}, given.signal)
  const reader = got?.body.getReader()
  await reader?.read()
  given.abort(new Error('enough'))

  await expect(store().head(key, ended)).rejects.toThrow('enough')
  await expect(reader?.read()).rejects.toThrow('enough')
})

describe('a store that answers strangely', () => {
  const strange = async (status: number, body: string) => {
    const server = createServer((request, response) => {
      request.resume()
      response.writeHead(status, { 'content-type': 'application/xml' }).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('no port')
    const credentials = () => ({ accessKeyId: 'a', secretKey: secret('b') })
    const at = readStorageUrl(storageUrl(FLAVOUR, String(address.port)))
    const end = () => new Promise((resolve) => server.close(resolve).closeAllConnections())
    return { store: openStorage({ at, credentials }), end }
  }

  test.each([
    ['an error inside a 200', 200, '<Error><Code>InternalError</Code></Error>', 'unavailable'],
    ['no such upload inside a 200', 200, '<Error><Code>NoSuchUpload</Code></Error>', 'not_found'],
    ['a missing bucket', 404, '<Error><Code>NoSuchBucket</Code></Error>', 'upstream_failed'],
    ['a page of HTML', 502, '<!doctype html><p>Bad gateway', 'unavailable'],
    ['a document type', 200, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'upstream_failed'],
    ['nothing', 200, '', 'upstream_failed'],
    ['a redirect', 307, '<Error><Code>TemporaryRedirect</Code></Error>', 'upstream_failed'],
  ])('%s is told from success', async (_, status, body, error) => {
    const { store, end } = await strange(status, body)

    const completing = store.multipart.complete({ key: 'a', uploadId: 'b', parts: [] }, never)

    await expect(completing).rejects.toMatchObject({ error })
    await end()
  })
})
