import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { randomId } from '#shared/ids.ts'
import { PART_CONTENT_TYPE } from '#shared/storage/object-store.ts'
import { readAll } from './bodies.ts'
import { keptBytes } from './kept-bytes.ts'
import { type StartedDisk, startDisk } from './start-disk.ts'

const never = new AbortController().signal
const text = { contentType: 'text/plain' }

let disk: StartedDisk
beforeEach(async () => {
  disk = await startDisk()
})
afterEach(() => disk.stop())

test('who reads what two processes replace and delete sees one of their objects whole, or none', async () => {
  const key = `${randomId()}/照片`
  const writing = new AbortController()

  const writers = Promise.all([result('rewrite', key), result('rewrite', key)]).finally(() => writing.abort())
  const seen: string[] = []
  while (!writing.signal.aborted) {
    const got = await disk.storage.get(key, {}, never)
    if (got !== undefined) seen.push((await readAll(got.body)).toString())
  }
  await writers
  await disk.storage.delete(key, never)

  expect(seen.length).toBeGreaterThan(0)
  for (const body of seen) expect(body).toMatch(/^([a-z])\1{1000,}$/)
  expect(await disk.storage.list({ prefix: '', limit: 10 }, never)).toEqual({ items: [] })
  expect(await keptBytes(disk.folder)).toEqual([])
})

test('of completions in several processes one makes the object', async () => {
  const key = randomId()
  const { multipart } = disk.storage
  const uploadId = await multipart.create(key, text, never)
  const url = multipart.presignPart({ key, uploadId, number: 1, sizeBytes: 4, expiresInS: 60 })
  await fetch(url, { method: 'PUT', headers: { 'content-type': PART_CONTENT_TYPE }, body: 'part' })
  const [part] = await multipart.parts({ key, uploadId }, never)

  const complete = () => result('complete', key, uploadId, part?.etag ?? '')
  const ends = await Promise.all([complete(), complete(), complete()])

  const made = ends.filter((end) => end !== 'not_found')
  expect(made).toEqual([{ etag: (await disk.storage.head(key, never))?.etag }])
  expect(await keptBytes(disk.folder)).toHaveLength(1)
})

test('a process killed in the middle of a write leaves nothing to read, and what a sweep finds and ends', async () => {
  const key = randomId()
  const child = start('hang', key)
  if (child.stdout === null) throw new TypeError('The writer has no output')
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')

  const read = await disk.storage.head(key, never)
  const listed = await disk.storage.list({ prefix: '', limit: 10 }, never)
  const left = await disk.storage.multipart.list({ prefix: key, limit: 10 }, never)
  const bytes = await keptBytes(disk.folder)
  for (const upload of left) await disk.storage.multipart.abort(upload, never)

  expect([read, listed.items]).toEqual([undefined, []])
  expect(left).toEqual([{ key, uploadId: expect.any(String), startedAt: expect.any(Date) }])
  expect(bytes).toHaveLength(1)
  expect(await keptBytes(disk.folder)).toEqual([])
})

function start(...args: readonly string[]): ChildProcess {
  const writer = join(import.meta.dirname, 'disk-worker.ts')
  return spawn(process.execPath, [writer, disk.url, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** What a writer in a process of its own prints. */
async function result(...args: readonly string[]): Promise<unknown> {
  const { stdout } = start(...args)
  if (stdout === null) throw new TypeError('The writer has no output')
  return JSON.parse(await readText(stdout))
}
