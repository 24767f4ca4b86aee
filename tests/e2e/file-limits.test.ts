import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { temporaryFolder } from '#tests/services/servers.ts'
import { postForm } from '#tests/upload/client.ts'
import { type Client, createClient } from './client.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'
import { type FilePerson, filePerson } from './file-person.ts'
import { film, FILM, MB, sha256 } from './file-samples.ts'
import { contradictions, keptFiles } from './kept-files.ts'

/** What a cloud lets through, and how it refuses what is more: each on one of the runtimes. */
const CLOUDS = [
  {
    as: 'fc',
    runtime: 'node',
    most: 32 * MB,
    refusal: { status: 400, body: { ErrorCode: 'InvalidArgument' } },
  },
  { as: 'scf', runtime: 'bun', most: 6 * MB, refusal: { status: 406, body: { statusCode: 406 } } },
] as const

/** Room for the form around the file. */
const FORM_BYTES = 64 * 1024
const SETTINGS = { RATE_LIMIT_FACTOR: '1000', FILES_DOWNLOAD: 'stream' }

/** One folder of data that each platform takes over from the one before. */
const folder = temporaryFolder()
/** Uploaded on the first of them and read on all. */
const kept = film(8 * MB)
let keptUrl: string | undefined

describe.each(CLOUDS)(
  'on $as with $runtime, contents through the function',
  ({ as, runtime, most, refusal }) => {
    let cloud: DevCommand
    let client: Client
    let alice: FilePerson
    beforeAll(async () => {
      cloud = await startDevCommand({ folder, args: ['--as', as, '--runtime', runtime], env: SETTINGS })
      client = createClient(cloud.url)
      alice = await filePerson(cloud.url, client, 'alice')
      keptUrl ??= await uploadedByForm(alice, kept)
    }, 60_000)
    afterAll(() => cloud?.end('SIGTERM'))

    test('the largest file that fits is taken, and read in ranges and under conditions', async () => {
      const bytes = film(most - FORM_BYTES)

      const sent = await alice.upload(bytes, FILM)
      const { url, sizeBytes } = sent.body.data
      const head = await alice.open(url, { method: 'HEAD' })
      const range = await alice.open(url, { headers: { range: 'bytes=-1048576' } })
      const past = await alice.open(url, { headers: { range: `bytes=${sizeBytes}-` } })
      const same = await alice.open(url, { headers: { 'if-none-match': head.headers.get('etag') ?? '' } })
      const other = await alice.open(url, { headers: { 'if-match': '"other"' } })

      expect([sent.status, sizeBytes, sent.body.data.status]).toEqual([201, bytes.byteLength, 'ready'])
      // Whatever length a function tells, FC replaces it by its own; the local one tells none.
      expect(head.headers.get('content-length')).toBe(as === 'fc' ? null : String(sizeBytes))
      expect(range.status).toBe(206)
      expect(range.headers.get('content-range')).toBe(`bytes ${sizeBytes - MB}-${sizeBytes - 1}/${sizeBytes}`)
      expect(range.bytes.equals(bytes.subarray(-MB))).toBe(true)
      expect([past.status, same.status, other.status]).toEqual([416, 304, 412])
      expect(same.headers.get('etag')).toBe(head.headers.get('etag'))
    })

    test('what was uploaded on another platform is read here; where the answer may not be so long, from the store', async () => {
      const whole = await alice.open(keptUrl ?? '')
      const read = whole.status === 302 ? await alice.open(whole.headers.get('location') ?? '') : whole
      const range = await alice.open(keptUrl ?? '', { headers: { range: 'bytes=4-11' } })

      expect(whole.status).toBe(as === 'scf' ? 302 : 200)
      expect([read.status, sha256(read.bytes)]).toEqual([200, sha256(kept)])
      expect([range.status, range.bytes.toString()]).toEqual([206, 'ftypisom'])
    })

    test('one byte more is refused by us, one more than the platform takes by the platform, and nothing is left', async () => {
      const before = await keptFiles(folder)

      const ours = await alice.upload(film(most - FORM_BYTES + 1), FILM)
      const theirs = await alice.upload(film(most), FILM)

      expect([ours.status, ours.body.error]).toEqual([413, 'payload_too_large'])
      expect(theirs).toMatchObject(refusal)
      expect(cloud.output()).toContain(
        `upload: ${as.toUpperCase()} itself answered ${refusal.status}, request too large`,
      )
      expect(await keptFiles(folder)).toEqual(before)
      expect(contradictions(before)).toEqual([])
    })
  },
)

async function uploadedByForm(person: FilePerson, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const form = await person.begin({ ...FILM, sizeBytes: bytes.byteLength })
  const posted = await postForm(form, bytes, FILM.contentType)
  const { status, body } = await person.complete(form.id)
  if (posted !== 200 || status !== 200) throw new Error(`The upload was answered ${posted} and ${status}`)
  return body.data.url
}
