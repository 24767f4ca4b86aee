import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '#tests/services/eventually.ts'
import { seeded } from '#tests/services/seeded.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { postForm, putPart } from '#tests/upload/client.ts'
import { JPEG } from '#tests/upload/samples.ts'
import { createClient } from './client.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'
import { type Announced, type FilePerson, filePerson } from './file-person.ts'
import { film, FILM, MB, PHOTO } from './file-samples.ts'
import { endAndGrowOld } from './grow-old.ts'
import { contradictions, keptFiles } from './kept-files.ts'

const CLOUDS = [
  { as: 'fc', runtime: 'bun', seed: 4, died: 502 },
  { as: 'scf', runtime: 'node', seed: 5, died: 439 },
] as const

const ROUNDS = 6
/** The four begin within this time, and the blow falls within twice as much: each meets it in another state. */
const SPAN_MS = 300
const PART_BYTES = 5 * MB
const A_DAY_LATER_MS = 27 * 3_600_000

/** One way to upload: what is under way when the process dies, and what the client does about it then. */
interface Attempt {
  readonly first: () => Promise<number>
  readonly again: () => Promise<number>
}

/** One folder of data that one platform takes over from the other. */
const folder = temporaryFolder()

describe.each(CLOUDS)('on $as with $runtime', ({ as, runtime, seed, died }) => {
  const random = seeded(seed)
  let cloud: DevCommand
  let alice: FilePerson
  beforeAll(start, 60_000)
  afterAll(() => cloud?.end('SIGTERM'))

  async function start(): Promise<void> {
    const env = { RATE_LIMIT_FACTOR: '1000' }
    cloud = await startDevCommand({ folder, args: ['--as', as, '--runtime', runtime], env })
    alice = await filePerson(cloud.url, createClient(cloud.url), `alice-${as}`)
  }

  test('uploads that die with their process at any moment are one file each after a retry, and nothing else is kept', async () => {
    const statuses: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const attempts = await Promise.all(WAYS.map((begin) => begun(() => begin(alice, round))))
      const firsts = attempts.map(async ({ first }) => {
        await moment(random() * SPAN_MS)
        return first()
      })
      await moment(random() * 2 * SPAN_MS)
      for (const { pid } of cloud.instances('upload')) process.kill(pid, 'SIGKILL')
      const answered = await Promise.all(firsts)
      const retried = attempts.map(async ({ again }, at) => (answered[at] === died ? again() : answered[at]))
      expect(await Promise.all(retried)).toEqual([201, 200, 200, 204])
      statuses.push(...answered)
    }
    const soon = await eventually(async () => settled(await keptFiles(folder)), { withinMs: 5_000 })
    await endAndGrowOld(cloud, A_DAY_LATER_MS)
    await start()
    const later = await eventually(swept, { withinMs: 10_000 })
    const own = later.rows.filter(({ user_id: id }) => id === alice.id)

    expect(statuses).toContain(died)
    expect(contradictions(soon)).toEqual([])
    expect(contradictions(later)).toEqual([])
    expect(later.rows.filter(({ status }) => status !== 'ready')).toEqual([])
    expect(later.objects.length).toBe(later.rows.length)
    expect(later.uploads).toEqual([])
    expect(countOf(own, /^(?:form|parts|tus)-/)).toEqual(Array(3 * ROUNDS).fill(1))
    // Nobody can tell a second upload through the function from a retry: where only the answer was lost, both are files.
    expect(countOf(own, /^function-/).filter((count) => count > 2)).toEqual([])
  }, 60_000)

  /** What is kept once nothing is left to do: reconcile works on at most so many of each kind, and asks WeChat. */
  async function swept() {
    await fetch(`${cloud.url}/_control/timers/reconcile`, { method: 'POST' })
    const kept = await keptFiles(folder)
    const isDone = kept.rows.every(({ status }) => status === 'ready') && kept.uploads.length === 0
    return isDone && contradictions(kept).length === 0 && kept
  }
})

/** A process that was just killed may still be given calls: whoever begins an upload then begins again. */
function begun(begin: () => Promise<Attempt>): Promise<Attempt> {
  return eventually(begin, { withinMs: 5_000 })
}

/** The store notices a moment later that whoever sent it something has gone. */
function settled(kept: Awaited<ReturnType<typeof keptFiles>>) {
  return kept.leftovers.length === 0 && kept
}

function countOf(rows: readonly { readonly name: string }[], pattern: RegExp): readonly number[] {
  const names = rows.map(({ name }) => name).filter((name) => pattern.test(name))
  return [...new Set(names)].map((name) => names.filter((other) => other === name).length)
}

async function throughFunction(person: FilePerson, round: number): Promise<Attempt> {
  const name = `function-${round}.mp4`
  const bytes = film(4 * MB)
  const send = async () => (await person.upload(bytes, { ...FILM, name })).status
  return { first: send, again: send }
}

async function byForm(person: FilePerson, round: number): Promise<Attempt> {
  const name = `form-${round}.jpg`
  const form = await person.begin({ ...PHOTO, name, sizeBytes: JPEG.byteLength })
  await postForm(form, JPEG)
  const complete = async () => (await person.complete(form.id)).status
  return { first: complete, again: complete }
}

async function inParts(person: FilePerson, round: number): Promise<Attempt> {
  const name = `parts-${round}.mp4`
  const bytes = film(PART_BYTES + 1)
  const announced: Announced = { ...FILM, name, sizeBytes: bytes.byteLength, resumable: true }
  const { id, parts } = await person.begin(announced)
  await putPart(parts[0].url, bytes.slice(0, PART_BYTES))
  await putPart(parts[1].url, bytes.slice(PART_BYTES))
  const complete = async () => (await person.complete(id)).status
  return { first: complete, again: complete }
}

async function byTus(person: FilePerson, round: number): Promise<Attempt> {
  const name = `tus-${round}.mp4`
  const bytes = film(MB)
  const metadata = { filename: name, filetype: FILM.contentType, purpose: FILM.purpose }
  const headers = { 'tus-resumable': '1.0.0' }
  const created = await person.open('/api/v1/tus', {
    method: 'POST',
    headers: { ...headers, 'upload-length': String(bytes.length), 'upload-metadata': encoded(metadata) },
  })
  const path = created.headers.get('location')
  if (path === null) throw new Error(`POST /tus answered ${created.status}`)
  const append = async (offset: number) => {
    const piece = { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) }
    const init = { method: 'PATCH', headers: { ...headers, ...piece }, body: bytes.subarray(offset) }
    return (await person.open(path, init)).status
  }
  const resume = async () => {
    const head = await person.open(path, { method: 'HEAD', headers })
    const offset = Number(head.headers.get('upload-offset'))
    // As tus-js-client: where all has arrived, nothing more is sent.
    return head.status === 200 && offset === bytes.length ? 204 : append(offset)
  }
  return { first: () => append(0), again: resume }
}

const WAYS = [throughFunction, byForm, inParts, byTus] as const

function encoded(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

/** When the blow falls, somewhere in the middle of the work. */
function moment(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
