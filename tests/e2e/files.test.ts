import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as tus from 'tus-js-client'
import { eventually } from '#tests/services/eventually.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { postForm, putPart } from '#tests/upload/client.ts'
import { JPEG } from '#tests/upload/samples.ts'
import { type Client, createClient } from './client.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'
import { type FilePerson, filePerson, type Part } from './file-person.ts'
import { AVATAR, film, FILM, MB, PHOTO, sha256 } from './file-samples.ts'
import { contradictions, keptFiles } from './kept-files.ts'

const CLOUDS = [
  { as: 'fc', runtime: 'bun' },
  { as: 'fc', runtime: 'node' },
  { as: 'scf', runtime: 'bun' },
  { as: 'scf', runtime: 'node' },
] as const
type CloudName = (typeof CLOUDS)[number]

const PART_BYTES = 5 * MB
const NO_LIMITS = { RATE_LIMIT_FACTOR: '1000' }

/** One folder of data that each platform takes over from the one before. */
const folder = temporaryFolder()

function start({ as, runtime }: CloudName, env: Readonly<Record<string, string>> = {}): Promise<DevCommand> {
  const args = ['--as', as, '--runtime', runtime]
  return startDevCommand({ folder, args, env: { ...NO_LIMITS, ...env } })
}

/** The next file that content safety looks at is found to be this. */
async function nextVerdict({ wechatUrl }: DevCommand, suggest: string): Promise<void> {
  const init = { method: 'POST', body: JSON.stringify({ suggest }) }
  const { ok } = await fetch(`${wechatUrl}/_control/media-verdicts`, init)
  if (!ok) throw new Error('The stand-in did not take the verdict')
}

async function sweep({ url }: DevCommand): Promise<unknown> {
  const answer = await fetch(`${url}/_control/timers/reconcile`, { method: 'POST' })
  return answer.json()
}

describe.each(CLOUDS)('on $as with $runtime', (name) => {
  let cloud: DevCommand
  let client: Client
  let alice: FilePerson
  beforeAll(async () => {
    cloud = await start(name)
    client = createClient(cloud.url)
    alice = await person('alice')
  }, 60_000)
  afterAll(() => cloud?.end('SIGTERM'))

  /** Somebody of this platform alone, by a session of their own. */
  function person(who: string): Promise<FilePerson> {
    return filePerson(cloud.url, client, `${who}-${name.as}-${name.runtime}`)
  }

  test('a picture through the function is pending until it is found safe, then read, told and deleted', async () => {
    const sent = await alice.upload(JPEG, PHOTO)
    const { id, url, sizeBytes } = sent.body.data
    await alice.becomes(id, 'ready')

    const listed = await alice.call('/files?limit=1')
    const head = await alice.open(url, { method: 'HEAD' })
    const redirect = await alice.open(url, { headers: { range: 'bytes=0-2' } })
    const read = await alice.open(redirect.headers.get('location') ?? '')
    const range = await alice.open(redirect.headers.get('location') ?? '', {
      headers: { range: 'bytes=0-2' },
    })
    const unchanged = await alice.open(url, {
      headers: { 'if-none-match': head.headers.get('etag') ?? '' },
    })
    const link = await alice.call(`/files/${id}/link`)
    const linked = await alice.open(link.body.data.url)
    const deleted = await alice.call(`/files/${id}`, { method: 'DELETE' })
    const gone = await alice.open(url)

    expect([sent.status, sent.body.data.status]).toEqual([201, 'pending'])
    expect(listed.body.data.items).toMatchObject([{ id, name: PHOTO.name, status: 'ready' }])
    expect([head.status, head.bytes.length]).toEqual([200, 0])
    // Whatever length a function tells, FC replaces it by its own; the local one tells none.
    expect(head.headers.get('content-length')).toBe(name.as === 'fc' ? null : String(sizeBytes))
    expect([redirect.status, read.status, sha256(read.bytes)]).toEqual([302, 200, sent.body.data.sha256])
    expect([range.status, range.bytes]).toEqual([206, read.bytes.subarray(0, 3)])
    expect([JPEG, read.bytes].map((bytes) => Buffer.from(bytes).includes('Maker'))).toEqual([true, false])
    expect([unchanged.status, unchanged.bytes.length]).toEqual([304, 0])
    expect([linked.status, linked.bytes]).toEqual([200, read.bytes])
    expect(linked.headers.get('content-disposition')).toContain(encodeURIComponent(PHOTO.name))
    expect([deleted.status, gone.status]).toEqual([200, 404])
  })

  test('a picture by a form goes to the store, is completed as often as one likes, and is one file', async () => {
    const form = await alice.begin({ ...PHOTO, sizeBytes: JPEG.byteLength })
    const early = await alice.complete(form.id)
    const posted = await postForm(form, JPEG)
    const answers = await Promise.all([alice.complete(form.id), alice.complete(form.id)])
    await alice.becomes(form.id, 'ready')
    const again = await alice.complete(form.id)

    expect([early.status, posted, ...answers.map(({ status }) => status), again.status]).toEqual([
      409, 200, 200, 200, 200,
    ])
    expect(again.body.data).toMatchObject({ id: form.id, status: 'ready', name: PHOTO.name })
    expect(contradictions(await keptFiles(folder))).toEqual([])
  })

  test('a film in parts, one of them lost, is resumed by another session of the same person', async () => {
    const bytes = film(2 * PART_BYTES + MB)
    const slice = ({ number }: Part) => bytes.slice((number - 1) * PART_BYTES, number * PART_BYTES)
    const { id, parts } = await alice.begin({ ...FILM, sizeBytes: bytes.byteLength, resumable: true })
    for (const part of [parts[0], parts[2]]) await putPart(part.url, slice(part))
    const early = await alice.complete(id)

    const phone = await person('alice')
    const missing = (await phone.parts(id)).filter(({ etag }) => etag === null)
    for (const part of missing) await putPart(part.url, slice(part))
    const completed = await phone.complete(id)
    const redirect = await phone.open(`/api/v1/files/${id}`)
    const read = await phone.open(redirect.headers.get('location') ?? '')

    expect([early.status, early.body.details?.[0]?.['missing']]).toEqual([409, [2]])
    expect(missing.map(({ number }) => number)).toEqual([2])
    expect([completed.status, completed.body.data.status]).toEqual([200, 'ready'])
    expect(sha256(read.bytes)).toBe(sha256(bytes))
  })

  test('tus-js-client uploads through the gateway and goes on where it was stopped', async () => {
    const bytes = film(4 * MB)
    const options = {
      endpoint: `${cloud.url}/api/v1/tus`,
      headers: { authorization: `Bearer ${alice.token}` },
      metadata: { filename: FILM.name, filetype: FILM.contentType, purpose: FILM.purpose },
      chunkSize: MB,
      retryDelays: null,
    }

    const { url: uploadUrl } = await uploaded(bytes, options, { stopAfter: 2 * MB })
    const stoppedAt = await offsetOf(alice, uploadUrl)
    await uploaded(bytes, { ...options, uploadUrl }, {})
    const file = `/api/v1/files/${uploadUrl.split('/').at(-1)}`
    const redirect = await alice.open(file)
    const read = await alice.open(redirect.headers.get('location') ?? '')

    expect(stoppedAt).toBe(2 * MB)
    expect(sha256(read.bytes)).toBe(sha256(bytes))
  })

  test('a picture found unsafe is for admins only until one of them releases it', async () => {
    const admin = await filePerson(cloud.url, client, 'admin')
    await nextVerdict(cloud, 'risky')
    const { id, url } = (await alice.upload(JPEG, PHOTO)).body.data
    await alice.becomes(id, 'quarantined')

    const own = await alice.open(url)
    const link = await alice.call(`/files/${id}/link`)
    const list = await admin.call('/files?scope=all&status=quarantined')
    const seen = await admin.open(url)
    const refused = await alice.call(`/files/${id}`, { method: 'PUT', body: { status: 'ready' } })
    const released = await admin.call(`/files/${id}`, { method: 'PUT', body: { status: 'ready' } })
    const after = await alice.open(url)

    expect([own.status, link.status, refused.status]).toEqual([403, 403, 403])
    expect(list.body.data.items).toMatchObject([{ id, userId: alice.id, status: 'quarantined' }])
    expect([seen.status, released.status, after.status]).toEqual([302, 200, 302])
  })

  test('an avatar is shown once it is ready', async () => {
    const { id } = (await alice.upload(JPEG, AVATAR)).body.data
    await alice.becomes(id, 'ready')

    const written = await alice.call('/user', { method: 'PUT', body: { avatarFileId: id } })
    const { avatarUrl } = (await alice.call('/user')).body.data
    const shown = await alice.open(avatarUrl)

    expect([written.status, avatarUrl, shown.status]).toEqual([200, `/api/v1/files/${id}`, 302])
  })

  test('a deleted account leaves nothing in the store, and sweeps leave everybody else’s files alone', async () => {
    const bert = await person('bert')
    const [one, two] = [await bert.upload(JPEG, PHOTO), await bert.begin({ ...PHOTO, sizeBytes: 99_999 })]
    await postForm(two, JPEG)
    await bert.begin({ ...FILM, sizeBytes: 9 * MB, resumable: true })
    await bert.becomes(one.body.data.id, 'ready')
    const before = await keptFiles(folder)

    const left = await bert.call('/user', { method: 'DELETE' })
    await eventually(async () => (await rowsOf(bert)) === 0, { withinMs: 5_000 })
    const swept = await sweep(cloud)
    const after = await keptFiles(folder)

    const isTheirs = ({ user_id: id }: { readonly user_id: string }) => id === bert.id
    expect(left.status).toBe(200)
    expect(before.rows.filter(isTheirs).length).toBe(3)
    expect(before.objects.length - after.objects.length).toBe(2)
    expect([after.rows.filter(isTheirs), after.usage.filter(isTheirs), after.uploads]).toEqual([[], [], []])
    expect(swept).toMatchObject({ status: 200 })
    expect(after.rows).toEqual(before.rows.filter((row) => !isTheirs(row)))
    expect(contradictions(after)).toEqual([])
  })

  async function rowsOf({ id }: FilePerson): Promise<number> {
    return (await keptFiles(folder)).rows.filter(({ user_id: user }) => user === id).length
  }
})

/** Runs the official client until it is done, or stopped after so many bytes. */
function uploaded(
  bytes: Uint8Array,
  options: tus.UploadOptions,
  { stopAfter = Infinity }: { readonly stopAfter?: number },
): Promise<{ readonly url: string }> {
  return new Promise((resolve, reject) => {
    const upload: tus.Upload = new tus.Upload(Buffer.from(bytes), {
      ...options,
      onSuccess: () => resolve({ url: upload.url ?? '' }),
      onError: reject,
      onChunkComplete(_size, accepted) {
        if (accepted >= stopAfter) void upload.abort().then(() => resolve({ url: upload.url ?? '' }), reject)
      },
    })
    upload.start()
  })
}

async function offsetOf({ token }: FilePerson, url: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' }
  const answer = await fetch(url, { method: 'HEAD', headers })
  return Number(answer.headers.get('upload-offset'))
}
