import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import type { Signer } from '#shared/signing/sign-request.ts'
import { userSigningKey } from '#shared/signing/user-signing-key.ts'
import { APP_ID, type SignedIn } from '#tests/backend.ts'
import type { TestAnswer, TestCall } from '#tests/invocation.ts'
import { sessionSigner } from '#tests/signed-session.ts'
import { startWechatBackend, type WechatBackend } from './wechat-backend.ts'

const KEYS = '/wxa/business/getuserencryptkey'

let backend: WechatBackend
beforeEach(async () => {
  backend = await startWechatBackend()
})
afterEach(() => backend.close())

/** Signs as a mini-program does with the key that WeChat gives to the client of `name`. */
function userKeySigner(session: SignedIn, name: string, change: Partial<UserKey> = {}): Signer {
  const { encryptKey, version } = { ...backend.wechat.control.userKey(name), ...change }
  const sessionId = String(decodeJwt(session.accessToken)['sid'])
  const key = userSigningKey(Buffer.from(encryptKey, 'base64'), { appId: APP_ID, sessionId, version })
  return { kid: `wx.${version}`, key, sessionId, clock: backend.now }
}

type UserKey = ReturnType<WechatBackend['wechat']['control']['userKey']>

function bindPhone(session: SignedIn, call: TestCall = {}): Promise<TestAnswer> {
  const { code } = backend.wechat.control.mintPhoneCode('13800000001')
  return backend.call('/user/phone', { token: session.accessToken, body: { code }, ...call })
}

function deleteUser(session: SignedIn, call: TestCall = {}): Promise<TestAnswer> {
  return backend.call('/user', { method: 'DELETE', token: session.accessToken, ...call })
}

function brief({ status, body }: TestAnswer): string {
  return `${status} ${body?.error ?? 'ok'}`
}

describe.each([
  ['a phone number', bindPhone],
  ['a deletion', deleteUser],
])('where the deployment wants WeChat’s user key, %s', (_, call) => {
  test('passes with it', async () => {
    const alice = await backend.signIn('alice')

    expect(brief(await call(alice, { signer: userKeySigner(alice, 'alice') }))).toBe('200 ok')
  })

  test('is refused without a signature and with the session’s key', async () => {
    const alice = await backend.signIn('alice')

    const unsigned = await call(alice)
    const bySession = await call(alice, { signer: sessionSigner(alice, backend.now) })

    expect([unsigned, bySession].map(brief)).toEqual(['400 bad_request', '403 signature_invalid'])
    expect(backend.wechat.control.calls()[KEYS]).toBeUndefined()
  })

  test('is refused with the key of another person', async () => {
    const alice = await backend.signIn('alice')
    await backend.signIn('bob')

    expect(brief(await call(alice, { signer: userKeySigner(alice, 'bob') }))).toBe('403 signature_invalid')
  })

  test('is refused, not let pass, while WeChat is down', async () => {
    const alice = await backend.signIn('alice')
    const signer = userKeySigner(alice, 'alice')
    backend.wechat.control.fail({ endpoint: KEYS, status: 500 })

    const down = await call(alice, { signer })
    backend.wechat.control.clearFailures()
    const later = await call(alice, { signer })

    expect([down, later].map(brief)).toEqual(['502 upstream_failed', '200 ok'])
  })
})

describe('WeChat’s user key', () => {
  test('passes once: the very same request again is a replay', async () => {
    const alice = await backend.signIn('alice')
    const signer = { ...userKeySigner(alice, 'alice'), nonce: () => 'AAAAAAAAAAAAAAAAAAAAAA' }

    const answers = [await bindPhone(alice, { signer }), await bindPhone(alice, { signer })]

    expect(answers.map(brief)).toEqual(['200 ok', '403 request_replayed'])
  })

  test('is good in its former version until that is an hour old', async () => {
    const alice = await backend.signIn('alice')
    const former = backend.wechat.control.userKey('alice')
    backend.advance(59 * 60_000)
    const session = await refreshed(alice)
    const signer = () => userKeySigner(session, 'alice', former)

    const late = await bindPhone(session, { signer: signer() })
    backend.advance(60_000)
    const expired = await bindPhone(session, { signer: signer() })

    expect(backend.wechat.control.userKey('alice').version).toBeGreaterThan(former.version)
    expect([late, expired].map(brief)).toEqual(['200 ok', '403 signature_invalid'])
  })

  test('of a version that WeChat never gave is refused, and costs WeChat three calls at most', async () => {
    const alice = await backend.signIn('alice')

    const answers: TestAnswer[] = []
    for (let version = 90; version < 95; version += 1) {
      answers.push(await bindPhone(alice, { signer: userKeySigner(alice, 'alice', { version }) }))
    }

    expect(answers.map(brief)).toEqual(Array(5).fill('403 signature_invalid'))
    expect(backend.wechat.control.calls()[KEYS]).toBe(3)
  })

  test('of a session whose person has logged in again is refused: only wx.login helps', async () => {
    const alice = await backend.signIn('alice')
    const again = await backend.signIn('alice')

    const former = await bindPhone(alice, { signer: userKeySigner(alice, 'alice') })
    const latest = await bindPhone(again, { signer: userKeySigner(again, 'alice') })

    expect([former, latest].map(brief)).toEqual(['403 forbidden', '200 ok'])
    expect(former.body.details).toMatchObject([{ reason: 'wechat_session_stale' }])
  })

  test('is verified where nobody demands it, too', async () => {
    const alice = await backend.signIn('alice')
    await backend.signIn('bob')
    const read = (signer: Signer) => backend.call('/user', { token: alice.accessToken, signer })

    const good = await read(userKeySigner(alice, 'alice'))
    const foreign = await read(userKeySigner(alice, 'bob'))

    expect([good, foreign].map(brief)).toEqual(['200 ok', '403 signature_invalid'])
  })

  test('that WeChat takes too long to tell is an upstream’s timeout', async () => {
    const alice = await backend.signIn('alice')
    backend.wechat.control.fail({ endpoint: KEYS, connection: 'silent' })

    const answer = await bindPhone(alice, { signer: userKeySigner(alice, 'alice') })

    expect(brief(answer)).toBe('504 upstream_timeout')
  })
})

async function refreshed({ refreshToken }: SignedIn): Promise<SignedIn> {
  const { body } = await backend.call('/login/refresh', { body: { refreshToken } })
  return body.data
}
