import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { startClamd } from '#scripts/services/clamd.ts'
import type { VirusScan } from '#shared/files/file-parts.ts'
import { checkedClamdUrl } from '#shared/outbound/virus-scan-address.ts'
import { createVirusScan } from '#shared/outbound/virus-scan.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required } from '#tests/services/servers.ts'
import { eventually } from '#tests/services/eventually.ts'
import { fileClient, storedKeys } from './client.ts'
import { JPEG, PDF, PNG } from './samples.ts'

const never = new AbortController().signal
const PASS = { suggest: 'pass', label: 100, errcode: 0 } as const

describe('what WeChat checks', () => {
  let backend: Backend
  let owner: SignedIn
  let alice: ReturnType<typeof fileClient>
  beforeAll(async () => {
    backend = await startBackend({ checksMedia: true })
  })
  beforeEach(async () => {
    // WeChat checks only for people who were there in the last two hours.
    owner = await backend.signIn('alice')
    alice = fileClient(backend, owner)
    backend.wechat.control.nextVerdict({ never: true })
  })
  afterAll(() => backend?.close())

  async function pending() {
    const { body } = await alice.upload(JPEG)
    const trace = backend.wechat.control
      .mediaChecks()
      .findLast(({ mediaUrl }) => mediaUrl.includes(body.data.id))
    return { id: body.data.id as string, status: body.data.status as string, trace }
  }

  async function statusOf(id: string): Promise<string> {
    return (await alice.get(`/uploads/${id}`)).body.data.status
  }

  test('a picture waits for its verdict, and is readable once it passes', async () => {
    const { id, status, trace } = await pending()
    const before = await alice.get(`/files/${id}`)

    await backend.takeMediaVerdict({ traceId: trace?.traceId ?? '', ...PASS }, never)
    const after = await alice.send(`/files/${id}`)

    expect(status).toBe('pending')
    expect(before).toMatchObject({ status: 409, body: { details: [{ status: 'pending' }] } })
    expect(before.headers.get('retry-after')).toBe('5')
    expect(after.status).toBe(200)
  })

  test('WeChat can fetch what it is to check, at a URL that ends', async () => {
    const { trace } = await pending()

    const shown = await fetch(trace?.mediaUrl ?? '')
    await shown.arrayBuffer()

    expect(trace).toMatchObject({ mediaType: 2, scene: 4 })
    expect(shown.status).toBe(200)
    expect(new URL(trace?.mediaUrl ?? '').searchParams.get('X-Amz-Expires')).toBe('3600')
  })

  test.each([
    ['risky', 20002],
    ['review', 20001],
  ] as const)('what is %s goes into quarantine, for admins only', async (suggest, label) => {
    const { id, trace } = await pending()

    await backend.takeMediaVerdict({ traceId: trace?.traceId ?? '', suggest, label, errcode: 0 }, never)

    expect(await statusOf(id)).toBe('quarantined')
    expect(await alice.get(`/files/${id}`)).toMatchObject({ status: 403 })
    expect(await alice.get(`/files/${id}/link`)).toMatchObject({ status: 403 })
  })

  test('the first word counts: a verdict that comes again, or another one, changes nothing', async () => {
    const { id, trace } = await pending()
    const traceId = trace?.traceId ?? ''

    await backend.takeMediaVerdict({ traceId, suggest: 'risky', label: 20002, errcode: 0 }, never)
    await backend.takeMediaVerdict({ traceId, suggest: 'risky', label: 20002, errcode: 0 }, never)
    await backend.takeMediaVerdict({ traceId, ...PASS }, never)

    expect(await statusOf(id)).toBe('quarantined')
  })

  test('a verdict may come before the answer that names it', async () => {
    backend.wechat.control.fail({ endpoint: '/wxa/media_check_async', latencyMs: 300, times: 1 })
    const known = backend.wechat.control.mediaChecks().length

    const uploading = alice.upload(JPEG)
    const trace = await eventually(async () => backend.wechat.control.mediaChecks()[known], {
      withinMs: 2_000,
    })
    await backend.takeMediaVerdict({ traceId: trace.traceId, ...PASS }, never)
    const { body } = await uploading

    expect(await statusOf(body.data.id)).toBe('ready')
  })

  test('while WeChat is down a file stays pending, and is asked about by the next sweep', async () => {
    backend.wechat.control.fail({ endpoint: '/wxa/media_check_async', errcode: -1 })
    const { id, trace } = await pending()
    const before = await statusOf(id)
    backend.wechat.control.clearFailures()

    backend.advance(61_000)
    await backend.tick()
    const asked = backend.wechat.control.mediaChecks().findLast(({ mediaUrl }) => mediaUrl.includes(id))
    await backend.takeMediaVerdict({ traceId: asked?.traceId ?? '', ...PASS }, never)

    expect([trace, before]).toEqual([undefined, 'pending'])
    expect(await statusOf(id)).toBe('ready')
  })

  test('while WeChat cannot fetch the file it is asked less and less often', async () => {
    const { id, trace } = await pending()
    const waits: number[] = []
    let traceId = trace?.traceId ?? ''

    for (let round = 0; round < 4; round++) {
      await backend.takeMediaVerdict({ traceId, suggest: 'review', label: 0, errcode: -1008 }, never)
      const sql = await backend.database.sql()
      const row = await sql.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
      waits.push(((row.check_due_at?.getTime() ?? 0) - backend.now()) / 60_000)
      backend.advance((waits.at(-1) ?? 0) * 60_000)
      await backend.signIn('alice')
      backend.wechat.control.nextVerdict({ never: true, times: 5 })
      await backend.tick()
      const asked = backend.wechat.control.mediaChecks().findLast(({ mediaUrl }) => mediaUrl.includes(id))
      traceId = asked?.traceId ?? ''
    }

    expect(waits).toEqual([1, 4, 16, 64])
  })

  test('a verdict that never comes, or that is none, is asked for again', async () => {
    const lost = await pending()
    backend.wechat.control.nextVerdict({ never: true })
    const unfetched = await pending()
    await backend.takeMediaVerdict(
      { traceId: unfetched.trace?.traceId ?? '', suggest: 'review', label: 0, errcode: -1008 },
      never,
    )
    const status = await statusOf(unfetched.id)
    backend.wechat.control.nextVerdict({ never: true, times: 2 })

    backend.advance(36 * 60_000)
    await backend.signIn('alice')
    await backend.tick()

    expect(status).toBe('pending')
    for (const { id, trace } of [lost, unfetched]) {
      const checks = backend.wechat.control.mediaChecks().filter(({ mediaUrl }) => mediaUrl.includes(id))
      expect(checks.at(-1)?.traceId).not.toBe(trace?.traceId)
    }
  })

  test('what nobody checks is ready at once', async () => {
    const { body } = await alice.upload(PDF, {
      name: '合同.pdf',
      contentType: 'application/pdf',
      purpose: 'document',
    })

    expect(body.data.status).toBe('ready')
  })

  test('why a file is in quarantine is for admins, and it is an avatar no more', async () => {
    const { body } = await alice.upload(PNG, { name: 'a.png', contentType: 'image/png', purpose: 'avatar' })
    const { id } = body.data
    await backend.call('/user', { method: 'PUT', token: owner.accessToken, body: { avatarFileId: id } })
    const trace = backend.wechat.control.mediaChecks().findLast(({ mediaUrl }) => mediaUrl.includes(id))

    await backend.takeMediaVerdict(
      { traceId: trace?.traceId ?? '', suggest: 'risky', label: 20002, errcode: 0 },
      never,
    )

    const seen = (await alice.get(`/uploads/${id}`)).body.data
    const user = (await backend.call('/user', { token: owner.accessToken })).body.data
    expect([seen.status, seen.reason, user.avatarUrl]).toEqual(['quarantined', null, null])
  })

  test('a pending avatar may be chosen; a picture of another purpose, or of somebody else, may not', async () => {
    const bob = fileClient(backend, await backend.signIn('bob'))
    const avatar = (await alice.upload(PNG, { name: 'a.png', contentType: 'image/png', purpose: 'avatar' }))
      .body.data
    const picture = (await alice.upload(PNG, { name: 'a.png', contentType: 'image/png' })).body.data
    const theirs = (await bob.upload(PNG, { name: 'a.png', contentType: 'image/png', purpose: 'avatar' }))
      .body.data
    const choose = (avatarFileId: string | null) =>
      backend.call('/user', { method: 'PUT', token: owner.accessToken, body: { avatarFileId } })

    const chosen = await choose(avatar.id)
    const others = [await choose(picture.id), await choose(theirs.id), await choose(crypto.randomUUID())]
    await alice.remove(`/files/${avatar.id}`)
    const user = await backend.call('/user', { token: owner.accessToken })

    expect(chosen.body.data.avatarUrl).toBe(`/api/v1/files/${avatar.id}`)
    expect(others.map(({ status }) => status)).toEqual([400, 400, 400])
    expect(user.body.data.avatarUrl).toBeNull()
  })
})

describe('what a virus scanner sees', () => {
  let backend: Backend
  let alice: ReturnType<typeof fileClient>
  let isDown = false
  const virusScan: VirusScan = async (stream) => {
    const bytes = Buffer.from(await new Response(stream).arrayBuffer())
    if (isDown) throw new Error('clamd is down')
    return bytes.includes('EICAR') ? { clean: false, found: 'Eicar-Test-Signature' } : { clean: true }
  }
  beforeAll(async () => {
    backend = await startBackend({ upload: { checks: { virusScan } } })
    alice = fileClient(backend, await backend.signIn('alice'))
  })
  afterAll(() => backend?.close())

  const upload = (bytes: Uint8Array<ArrayBuffer>) =>
    alice.upload(bytes, { name: 'x.pdf', contentType: 'application/pdf', purpose: 'document' })
  const statusOf = async (id: string) => (await alice.get(`/uploads/${id}`)).body.data

  test('a clean file becomes ready, an infected one goes into quarantine', async () => {
    const clean = (await upload(PDF)).body.data
    const infected = (await upload(withText('EICAR'))).body.data

    expect([clean.status, infected.status]).toEqual(['pending', 'pending'])
    expect(await statusOf(clean.id)).toMatchObject({ status: 'ready' })
    expect(await statusOf(infected.id)).toMatchObject({ status: 'quarantined', reason: null })
    const sql = await backend.database.sql()
    const row = await sql.selectFrom('files').selectAll().where('id', '=', infected.id).executeTakeFirst()
    expect(row?.reason).toBe('scan:Eicar-Test-Signature')
  })

  test('while the scanner is down files stay pending, and a sweep has them scanned', async () => {
    isDown = true
    const { id } = (await upload(PDF)).body.data
    const before = await statusOf(id)
    isDown = false

    backend.advance(61_000)
    await backend.tick()

    expect(before.status).toBe('pending')
    expect((await statusOf(id)).status).toBe('ready')
  })
})

describeWith(['clamd'], 'a real clamd', () => {
  test('an infected document goes into quarantine, a clean one becomes ready', async () => {
    const clamd = await startClamd({
      signatures: { 'Own.Sample': Buffer.from('XIAOHAN-SAMPLE').toString('hex') },
    })
    const virusScan = createVirusScan({ url: checkedClamdUrl(required(clamd).urls.tcp) })
    const backend = await startBackend({ upload: { checks: { virusScan } } })
    try {
      const alice = fileClient(backend, await backend.signIn('alice'))
      const document = { name: 'x.pdf', contentType: 'application/pdf', purpose: 'document' }

      const clean = await alice.upload(PDF, document)
      const infected = await alice.upload(withText('XIAOHAN-SAMPLE'), document)

      const statusOf = async ({ body }: typeof clean) =>
        (await alice.get(`/uploads/${body.data.id}`)).body.data
      expect(await statusOf(clean)).toMatchObject({ status: 'ready' })
      expect(await statusOf(infected)).toMatchObject({
        status: 'quarantined',
      })
    } finally {
      await backend.close()
      await clamd?.stop()
    }
  })
})

test('a file that WeChat never takes is tried less and less often, then left to an admin', async () => {
  const backend = await startBackend({ checksMedia: true })
  try {
    const alice = fileClient(backend, await backend.signIn('alice'))
    backend.wechat.control.fail({ endpoint: '/wxa/media_check_async', errcode: 40003 })
    const { id } = (await alice.upload(JPEG)).body.data
    const dueInS = async () => {
      const row = await (
        await backend.database.sql()
      )
        .selectFrom('files')
        .selectAll()
        .executeTakeFirstOrThrow()
      return ((row.check_due_at?.getTime() ?? 0) - backend.now()) / 1_000
    }

    const waits: number[] = []
    for (let tries = 0; tries < 9; tries++) {
      waits.push(await dueInS())
      backend.advance((waits.at(-1) ?? 0) * 1_000)
      await backend.tick()
    }

    const minutes = waits.map((seconds) => seconds / 60)
    expect(minutes).toEqual([1, 1, 4, 16, 64, 64, 64, 64, 64])
    expect(backend.wechat.control.calls()['/wxa/media_check_async']).toBe(9)
    const givenUp = backend.log.filter((line) => line.includes('files.check_given_up') && line.includes(id))
    expect(givenUp).toHaveLength(1)
  } finally {
    await backend.close()
  }
})

test('an account that is deleted takes its files with it, from the store as well', async () => {
  const backend = await startBackend()
  try {
    const owner = await backend.signIn('alice')
    const alice = fileClient(backend, owner)
    const { id } = (await alice.upload(JPEG)).body.data
    await alice.begin({
      sizeBytes: 10_000_000,
      contentType: 'video/mp4',
      name: 'x.mp4',
      purpose: 'video',
      resumable: true,
    })
    const exported = await backend.call('/user/export', { token: owner.accessToken })

    const deleted = await backend.call('/user', { method: 'DELETE', token: owner.accessToken, body: {} })
    await backend.settled()

    const sql = await backend.database.sql()
    expect(exported.body.data.files).toEqual([expect.objectContaining({ id, name: 'photo.jpg' })])
    expect(deleted.status).toBe(200)
    expect(await storedKeys(backend)).toEqual([])
    expect(await backend.storage.multipart.list({ prefix: '', limit: 10 }, never)).toEqual([])
    expect(await sql.selectFrom('files').selectAll().execute()).toEqual([])
    expect(await sql.selectFrom('file_usage').selectAll().execute()).toEqual([])
  } finally {
    await backend.close()
  }
})

function withText(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    Buffer.from(Buffer.from(PDF).toString('latin1').replace('%%EOF', `%${text}\n%%EOF`), 'latin1'),
  )
}
