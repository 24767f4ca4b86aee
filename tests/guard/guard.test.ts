import { afterEach, describe, expect, test } from '@jest/globals'
import type { BackendOptions } from '#shared/backend/create-backend.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import type { TestAnswer, TestCall } from '#tests/invocation.ts'
import { sessionSigner } from '#tests/signed-session.ts'

let backend: Backend
afterEach(() => backend.close())

async function start(guard: Partial<BackendOptions> = {}): Promise<SignedIn> {
  backend = await startBackend({ guard, admins: ['boss'] })
  return backend.signIn('alice')
}

function brief({ status, body }: TestAnswer): string {
  return `${status} ${body?.error ?? 'ok'}`
}

function bindPhone(session: SignedIn, call: TestCall = {}): Promise<TestAnswer> {
  const { code } = backend.wechat.control.mintPhoneCode('13800000001')
  return backend.call('/user/phone', { token: session.accessToken, body: { code }, ...call })
}

function signerOf(session: SignedIn) {
  return sessionSigner(session, backend.now)
}

describe('signatures', () => {
  test('are demanded where the table says so, and a signed call passes', async () => {
    const alice = await start()

    const unsigned = await bindPhone(alice)
    const signed = await bindPhone(alice, { signer: signerOf(alice) })

    expect([unsigned, signed].map(brief)).toEqual(['400 bad_request', '200 ok'])
    expect(unsigned.body.details).toEqual([{ header: 'X-Signature', message: expect.any(String) }])
  })

  test('that are replayed a hundred times in parallel pass once', async () => {
    const alice = await start({ limitFactor: 1_000 })
    const signer = { ...signerOf(alice), nonce: () => 'AAAAAAAAAAAAAAAAAAAAAA' }

    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        backend.call('/user', {
          method: 'PUT',
          token: alice.accessToken,
          body: { gender: 'female' },
          signer,
        }),
      ),
    )

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(new Set(answers.map(brief))).toEqual(new Set(['200 ok', '403 request_replayed']))
  })

  test('of a read that the platform sends again pass, those of anybody else do not', async () => {
    const alice = await start()
    const signer = { ...signerOf(alice), nonce: () => 'CCCCCCCCCCCCCCCCCCCCCC' }
    const read = (requestId: string) =>
      backend.call('/user', { token: alice.accessToken, signer, invocation: { requestId } })

    const answers = [await read('one'), await read('one'), await read('two')]

    expect(answers.map(brief)).toEqual(['200 ok', '200 ok', '403 request_replayed'])
  })

  test('are verified where they are optional, too', async () => {
    const alice = await start()
    const bob = await backend.signIn('bob')

    const foreign = await backend.call('/user', { token: alice.accessToken, signer: signerOf(bob) })

    expect(brief(foreign)).toBe('403 signature_invalid')
  })

  test('of a clock that is off are told the server’s time', async () => {
    const alice = await start()
    const signer = sessionSigner(alice, () => backend.now() - 301_000)

    const { status, body } = await bindPhone(alice, { signer })

    expect([status, body.error]).toEqual([403, 'clock_skew'])
    expect(body.details).toEqual([{ serverTime: new Date(backend.now()).toISOString() }])
  })

  test('are not looked at with SIGNING=off', async () => {
    const alice = await start({ signing: 'off' })

    expect(brief(await bindPhone(alice))).toBe('200 ok')
  })

  test('are demanded everywhere with SIGNING=required', async () => {
    const alice = await start({ signing: 'required' })

    const unsigned = await backend.call('/user', { token: alice.accessToken })
    const signed = await backend.call('/user', { token: alice.accessToken, signer: signerOf(alice) })

    expect([unsigned, signed].map(brief)).toEqual(['400 bad_request', '200 ok'])
  })

  test('with an expired token answer that the token has expired', async () => {
    const alice = await start()
    backend.advance(11 * 60_000)

    expect(brief(await bindPhone(alice, { signer: signerOf(alice) }))).toBe('401 token_expired')
  })

  test('of the former key fail after a refresh with the new token, and pass with the old one', async () => {
    const alice = await start()
    const { body } = await backend.call('/login/refresh', { body: { refreshToken: alice.refreshToken } })
    const formerKey = { ...signerOf(body.data), key: signerOf(alice).key }

    const mixed = await backend.call('/user', { token: body.data.accessToken, signer: formerKey })
    const old = await backend.call('/user', { token: alice.accessToken, signer: signerOf(alice) })

    expect([mixed, old].map(brief)).toEqual(['403 signature_invalid', '200 ok'])
  })
})

describe('limits', () => {
  test('are told in every answer, refused ones included', async () => {
    const alice = await start()

    const good = await backend.call('/user', { token: alice.accessToken })
    const bad = await backend.call('/user', { method: 'PUT', token: alice.accessToken, body: { age: 7 } })

    expect(good.headers.get('ratelimit-policy')).toContain('"user-read";q=1800;w=60')
    expect(good.headers.get('ratelimit')).toMatch(/"user-read";r=599;t=\d+/)
    expect(bad.status).toBe(400)
    expect(bad.headers.get('ratelimit')).toContain('"user-write";r=119')
  })

  test('let exactly the quota through, then refuse with the time to wait, and open again', async () => {
    const alice = await start()
    const bind = () => bindPhone(alice, { signer: signerOf(alice) })

    const answers: TestAnswer[] = []
    for (let at = 0; at < 7; at += 1) answers.push(await bind())
    const refused = answers.at(-1)
    backend.advance(Number(refused?.headers.get('retry-after')) * 1_000)
    const later = await bind()

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429])
    expect(refused?.body).toMatchObject({ code: 42900, details: [{ policy: 'phone', retryAfterS: 12 }] })
    expect(later.status).toBe(200)
  })

  test('of an address count calls with a bad token, so that guessing is limited', async () => {
    await start()
    const guess = () => backend.call('/user', { token: 'guess' })

    const answers = await Promise.all(Array.from({ length: 2_010 }, guess))

    expect(answers.filter(({ status }) => status === 401).length).toBe(1_999) // the login above was one, too
    expect(answers.filter(({ status }) => status === 429).length).toBe(11)
  })

  test('of one person leave another alone', async () => {
    const alice = await start()
    const bob = await backend.signIn('bob')
    for (let at = 0; at < 6; at += 1) await bindPhone(alice, { signer: signerOf(alice) })

    expect(brief(await bindPhone(bob, { signer: signerOf(bob) }))).toBe('200 ok')
  })

  test('of a device count the logins that name it', async () => {
    await start()
    const logIn = async (device: string) => {
      const { code } = backend.wechat.control.mintLoginCode('carol')
      return backend.call('/login', { body: { code }, headers: { 'x-device-id': device } })
    }

    const answers: TestAnswer[] = []
    for (let at = 0; at < 11; at += 1) answers.push(await logIn('one'))
    const other = await logIn('two')

    expect(answers.map(({ status }) => status).slice(9)).toEqual([200, 429])
    expect(other.status).toBe(200)
  })
})

describe('while the state store is down', () => {
  test('logins and phone numbers are refused, reads and other writes go on', async () => {
    const alice = await start()
    const { code } = backend.wechat.control.mintLoginCode('dave')
    backend.state.failing = true

    const answers = [
      await backend.call('/login', { body: { code } }),
      await bindPhone(alice, { signer: signerOf(alice) }),
      await backend.call('/user', { token: alice.accessToken }),
      await backend.call('/user', { method: 'PUT', token: alice.accessToken, body: { gender: 'male' } }),
      await backend.call('/login/refresh', { body: { refreshToken: alice.refreshToken } }),
    ]

    expect(answers.map(brief)).toEqual(['503 unavailable', '503 unavailable', '200 ok', '200 ok', '200 ok'])
    expect(answers[0]?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(backend.log.join('')).toContain('rate_limit.degraded')
  })

  test('a signed write passes once, since the database remembers it', async () => {
    const alice = await start()
    const signer = { ...signerOf(alice), nonce: () => 'BBBBBBBBBBBBBBBBBBBBBB' }
    const write = () =>
      backend.call('/user', { method: 'PUT', token: alice.accessToken, body: { gender: 'male' }, signer })
    backend.state.failing = true

    const answers = await Promise.all([write(), write(), write()])

    expect(answers.map(brief).toSorted()).toEqual(['200 ok', '403 request_replayed', '403 request_replayed'])
  })
})

describe('a session that has ended', () => {
  test('is refused by what the limits’ own round trip reads', async () => {
    const alice = await start()
    await backend.call('/logout', { method: 'POST', token: alice.accessToken })

    expect(brief(await backend.call('/user', { token: alice.accessToken }))).toBe('401 token_revoked')
  })
})

test('a stale token does no harm where none is needed', async () => {
  await start()
  const { code } = backend.wechat.control.mintLoginCode('erin')

  const login = await backend.call('/login', { body: { code }, token: 'stale' })

  expect(brief(login)).toBe('200 ok')
})
