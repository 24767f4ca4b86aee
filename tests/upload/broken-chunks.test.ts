import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { storeInspected } from '#shared/files/store-inspected.ts'
import type { MediaType } from '#shared/media/media-types.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { bytes, sample } from '#tests/media/samples.ts'
import { readAll } from '#tests/storage/bodies.ts'
import { type StartedStore, startStore } from '#tests/storage/start-store.ts'
import { film } from './raw-form.ts'

const never = new AbortController().signal
const HTML = '<!doctype html><script>alert(1)</script>'

let started: StartedStore
let storage: ObjectStore
beforeAll(async () => {
  started = await startStore()
  storage = started.open({ scheme: 's3', style: 'path' })
})
afterAll(() => started?.stop())

/** The file in chunks of so many bytes. */
function inChunks(file: Uint8Array, chunkBytes: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= file.byteLength) return controller.close()
      controller.enqueue(file.slice(at, (at += chunkBytes)))
    },
  })
}

/** What became of the file; the reason where it was refused. */
async function stored(type: MediaType, file: Uint8Array, chunkBytes: number): Promise<unknown> {
  const body = inChunks(file, chunkBytes)
  try {
    const { sha256, sizeBytes } = await storeInspected(storage, { key: 'a', type, body }, never)
    const object = await storage.get('a', {}, never)
    const kept = object === undefined ? new Uint8Array(0) : await readAll(object.body)
    return { sha256, sizeBytes, isSame: createHash('sha256').update(kept).digest('hex') === sha256 }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return error.details[0]?.['reason']
  }
}

describe.each([7, 1_000, 64 * 1024 - 1, 1_000_000])('in chunks of %d bytes', (chunkBytes) => {
  const long = film(300_000)

  test.each([
    ['video/mp4', long],
    ['image/jpeg', sample('plain.jpg')],
    ['image/png', sample('plain.png')],
    ['image/webp', sample('lossy.webp')],
    ['application/pdf', sample('plain.pdf')],
  ] as const)('a %s is stored as in one', async (type, file) => {
    const whole = await stored(type, file, file.byteLength)

    const result = await stored(type, file, chunkBytes)

    expect(result).toEqual(whole)
    expect(result).toMatchObject({ isSame: true })
  })

  test.each([
    ['behind a film', 'video/mp4', Buffer.concat([long, bytes(HTML)])],
    ['far behind its end', 'video/mp4', Buffer.concat([long, bytes(HTML), Buffer.alloc(60_000)])],
    ['at the end of its head', 'video/mp4', Buffer.concat([long.subarray(0, 65_000), bytes(HTML), long])],
    ['behind a picture', 'image/jpeg', Buffer.concat([sample('plain.jpg'), bytes(HTML)])],
  ] as const)('a page %s is found', async (_, type, file) => {
    expect(await stored(type, file, chunkBytes)).toBe('markup')
  })
})

test('chunks of a byte take time that grows with the file only', async () => {
  const startMs = performance.now()

  expect(await stored('video/mp4', film(300_000), 1)).toMatchObject({ sizeBytes: 300_000, isSame: true })
  // Some seconds on a busy machine; it was a minute when each of them moved all the others.
  expect(performance.now() - startMs).toBeLessThan(15_000)
}, 60_000)
