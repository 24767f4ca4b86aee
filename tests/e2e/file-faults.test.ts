import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { addressesOf } from '#scripts/dev/addresses.ts'
import { UPLOADS_PREFIX, wholeUploadKey } from '#shared/files/object-keys.ts'
import { descendants, processesIn, type RunningProcess } from '#scripts/smoke/processes.ts'
import { until } from '#tests/runtime/until.ts'
import { eventually } from '#tests/services/eventually.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { postForm } from '#tests/upload/client.ts'
import { JPEG } from '#tests/upload/samples.ts'
import { createClient } from './client.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'
import { type FilePerson, filePerson } from './file-person.ts'
import { film, FILM, MB, PHOTO, sha256 } from './file-samples.ts'
import { endAndGrowOld } from './grow-old.ts'
import { contradictions, type KeptFiles, keptFiles } from './kept-files.ts'

/** What the API promises for an answer when a store or a database does not answer. */
const HANG_MS = 8_000
const END_MS = 8_000
const A_DAY_LATER_MS = 27 * 3_600_000

const folder = temporaryFolder()
let cloud: DevCommand
let alice: FilePerson

async function start(...args: readonly string[]): Promise<void> {
  cloud = await startDevCommand({ folder, args, env: { RATE_LIMIT_FACTOR: '1000' } })
  alice = await filePerson(cloud.url, createClient(cloud.url), 'alice')
}

beforeAll(() => start(), 60_000)
afterAll(() => cloud?.end('SIGTERM'))

/** Makes the store fail, or ends that. */
async function storeFailure(failure?: object): Promise<void> {
  const url = addressesOf(folder)?.storageUrl ?? ''
  const init =
    failure === undefined ? { method: 'DELETE' } : { method: 'POST', body: JSON.stringify(failure) }
  const { ok } = await fetch(`${url}/_control/failures`, init)
  if (!ok) throw new Error('The store did not take the failure')
}

/** What is kept once verdicts have come and nothing is left to tidy up; only what contradicts itself never gets there. */
function atRest(): Promise<KeptFiles> {
  return eventually(
    async () => {
      const kept = await keptFiles(folder)
      const going = kept.rows
        .filter(({ status }) => status === 'uploading')
        .map(({ id }) => wholeUploadKey(id))
      const isDone = kept.rows.every(({ status }) => status === 'ready' || status === 'uploading')
      const isTidy = kept.objects.every(({ key }) => !key.startsWith(UPLOADS_PREFIX) || going.includes(key))
      return isDone && isTidy && contradictions(kept).length === 0 && kept
    },
    { withinMs: 5_000 },
  )
}

function readyIn({ rows }: KeptFiles): number {
  return rows.filter(({ status }) => status === 'ready').length
}

async function timed<T>(work: Promise<T>): Promise<{ readonly value: T; readonly tookMs: number }> {
  const from = performance.now()
  const value = await work
  return { value, tookMs: performance.now() - from }
}

describe('with its object store', () => {
  afterEach(() => storeFailure())

  const FAILURES = [
    ['closing connections', { connection: 'drop' }],
    ['overloaded', { status: 503 }],
    ['too slow', { latencyMs: 20_000 }],
  ] as const

  test.each(FAILURES)(
    '%s, uploads are 503 in time, nothing half is kept, and all is well afterwards',
    async (_, failure) => {
      const form = await alice.begin({ ...PHOTO, sizeBytes: JPEG.byteLength })
      await postForm(form, JPEG)
      const before = await atRest()

      await storeFailure({ request: '*', ...failure })
      const [upload, completed] = await Promise.all([
        timed(alice.upload(JPEG, PHOTO)),
        timed(alice.complete(form.id)),
      ])
      const during = await keptFiles(folder)
      await storeFailure()
      const again = [(await alice.complete(form.id)).status, (await alice.upload(JPEG, PHOTO)).status]

      const answers = [upload.value, completed.value]
      expect(answers.map(({ status, body }) => `${status} ${body.error}`)).toEqual(
        Array(2).fill('503 unavailable'),
      )
      expect(answers.map(({ headers }) => headers.get('retry-after'))).toEqual([
        expect.stringMatching(/^[1-9]\d*$/),
        expect.stringMatching(/^[1-9]\d*$/),
      ])
      expect(Math.max(upload.tookMs, completed.tookMs)).toBeLessThan(HANG_MS)
      expect(during).toEqual(before)
      expect(again).toEqual([200, 201])
      await atRest()
    },
    30_000,
  )

  test('breaking off in the middle of a film in several parts, the upload is 503 and nothing of it is kept', async () => {
    const before = await atRest()

    await storeFailure({ request: 'PUT partNumber', after: 1, connection: 'drop' })
    const answer = await alice.upload(film(12 * MB), FILM)

    expect([answer.status, answer.body.error]).toEqual([503, 'unavailable'])
    expect(await atRest()).toEqual(before)
  })
})

describe('with its database', () => {
  const isServer = ({ command }: RunningProcess) => /^\S+postgres -D/.test(command)

  /** Sends a film, and does `harm` to the database's server while the store takes the film. */
  async function uploadUnder(harm: NodeJS.Signals) {
    const before = await atRest()
    await storeFailure({ request: 'PUT', times: 1, latencyMs: 600 })
    const uploading = timed(alice.upload(film(4 * MB), FILM))
    await until(async () => (await keptFiles(folder)).rows.length > before.rows.length)
    const servers = descendants(cloud.pid).filter(({ command }) => /\bpostgres\b/.test(command))
    const harmed = harm === 'SIGKILL' ? servers.filter(isServer) : servers
    for (const { pid } of harmed) process.kill(pid, harm)
    return { before, harmed, ...(await uploading) }
  }

  test('killed with kill -9 while a film is being stored, it is a file or nothing, as the answer says', async () => {
    const { before, value: first, tookMs } = await uploadUnder('SIGKILL')
    await until(async () => (await alice.call('/files?limit=1')).status === 200)
    const next = await alice.upload(film(MB), FILM)
    const after = await atRest()

    const isKept = first.status === 201
    expect([first.status, first.body.error]).toEqual(isKept ? [201, undefined] : [503, 'unavailable'])
    expect(tookMs).toBeLessThan(HANG_MS)
    expect(next.status).toBe(201)
    expect(readyIn(after) - readyIn(before)).toBe(isKept ? 2 : 1)
  }, 30_000)

  test('frozen while a film is being stored, the upload is 503 in time, and nothing of it is kept', async () => {
    const { before, harmed, value: refused, tookMs } = await uploadUnder('SIGSTOP')
    for (const { pid } of harmed) process.kill(pid, 'SIGCONT')
    await until(async () => (await alice.call('/files?limit=1')).status === 200)
    const next = await alice.upload(film(MB), FILM)
    const after = await atRest()

    expect([refused.status, refused.body.error]).toEqual([503, 'unavailable'])
    expect(tookMs).toBeLessThan(HANG_MS)
    expect(next.status).toBe(201)
    expect(readyIn(after) - readyIn(before)).toBe(1)
  }, 30_000)
})

describe('npm start', () => {
  test.each(['SIGINT', 'SIGKILL'] as const)(
    'ended by %s during an upload leaves no process, and the next start has the files and takes new ones',
    async (signal) => {
      const bytes = film(4 * MB)
      const kept = await alice.upload(bytes, FILM)
      const rows = (await keptFiles(folder)).rows.length
      await storeFailure({ request: 'PUT', times: 1, latencyMs: 500 })

      const uploading = alice.upload(bytes, FILM).catch(() => undefined)
      await until(async () => (await keptFiles(folder)).rows.length > rows)
      const ended = await timed(cloud.end(signal))
      await uploading
      await until(() => processesIn(folder).length === 0, END_MS)
      await start()
      const redirect = await alice.open(kept.body.data.url)
      const read = await alice.open(redirect.headers.get('location') ?? '')
      const next = await alice.upload(bytes, FILM)

      expect(ended.value).toBe(signal === 'SIGINT' ? 0 : signal)
      expect(ended.tookMs).toBeLessThan(END_MS)
      expect([sha256(read.bytes), next.status]).toEqual([sha256(bytes), 201])
      expect(contradictions(await keptFiles(folder))).toEqual([])
    },
    60_000,
  )
})

test('a day later, sweeps have taken what any of this had left half done, and nothing else', async () => {
  const before = await atRest()

  await endAndGrowOld(cloud, A_DAY_LATER_MS)
  await start()
  const swept = await fetch(`${cloud.url}/_control/timers/reconcile`, { method: 'POST' })
  const after = await atRest()

  expect(await swept.json()).toMatchObject({ status: 200 })
  expect(after.rows.map(({ id }) => id)).toEqual(
    before.rows.filter(({ status }) => status === 'ready').map(({ id }) => id),
  )
  expect(after.objects.length).toBe(after.rows.length)
  expect(after.uploads).toEqual([])
}, 30_000)
