import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createTrustedHops } from '#shared/http/trusted-hops.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import type { TestAnswer, TestCall } from '#tests/invocation.ts'

const GATEWAY = '10.0.0.5'

let backend: Backend
let alice: SignedIn
beforeAll(async () => {
  backend = await startBackend({ guard: { trustedHops: createTrustedHops([GATEWAY]) }, admins: ['boss'] })
  alice = await backend.signIn('alice')
})
afterAll(() => backend.close())

function ask(query: string, { headers, ...call }: TestCall = {}): Promise<TestAnswer> {
  return backend.call(`/rate-check/auth${query}`, {
    headers: { 'x-forwarded-for': '203.0.113.50', 'x-original-uri': '/files/1', ...headers },
    invocation: { clientIp: GATEWAY },
    ...call,
  })
}

function identity({ headers }: TestAnswer): readonly (string | null)[] {
  return ['x-auth-sub', 'x-auth-sid', 'x-auth-scope'].map((name) => headers.get(name))
}

describe('forward-auth', () => {
  test('says who a request comes from', async () => {
    const answer = await ask('', { token: alice.accessToken })

    expect(answer.status).toBe(200)
    expect(identity(answer)).toEqual([alice.user.id, expect.stringMatching(/^[0-9a-f-]{36}$/), 'user'])
    expect(answer.headers.get('ratelimit')).toContain('"forward-auth"')
  })

  test.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])('takes %s', async (method) => {
    const { status } = await ask('', { method, token: alice.accessToken })

    expect(status).toBe(200)
  })

  test('refuses a request without a session, or with a bad one, and names nobody', async () => {
    const answers = [await ask(''), await ask('', { token: 'guess' })]

    expect(answers.map(({ status }) => status)).toEqual([401, 401])
    expect(answers.map(identity)).toEqual([
      ['', '', ''],
      ['', '', ''],
    ])
    expect(answers.map(({ headers }) => headers.get('x-auth-error'))).toEqual([
      'unauthenticated',
      'unauthenticated',
    ])
  })

  test('refuses a session that has ended', async () => {
    const bob = await backend.signIn('bob')
    await backend.call('/logout', { method: 'POST', token: bob.accessToken })

    const answer = await ask('', { token: bob.accessToken })

    expect([answer.status, answer.body.error]).toEqual([401, 'token_revoked'])
  })

  test('lets somebody without a session pass where that is wanted, as nobody', async () => {
    const answer = await ask('?session=optional', { headers: { 'x-auth-sub': alice.user.id } })

    expect(answer.status).toBe(200)
    expect(identity(answer)).toEqual(['', '', ''])
  })

  test('asks for a role', async () => {
    const boss = await backend.signIn('boss')

    const refused = await ask('?role=admin', { token: alice.accessToken })
    const granted = await ask('?role=admin', { token: boss.accessToken })

    expect([refused.status, granted.status]).toEqual([403, 200])
    expect(identity(granted)).toEqual([boss.user.id, expect.any(String), 'user admin'])
  })

  test('takes a further limit, and answers as the gateway can bear it', async () => {
    const { accessToken: token } = await backend.signIn('carol')
    for (let at = 0; at < 5; at += 1) await ask('?policy=phone', { token })

    const plain = await ask('?policy=phone', { token })
    const forNginx = await ask('?policy=phone&limited=403', { token })

    expect([plain.status, forNginx.status]).toEqual([429, 403])
    for (const answer of [plain, forNginx]) {
      expect(answer.headers.get('x-auth-error')).toBe('rate_limited')
      expect(answer.headers.get('retry-after')).toBe('12')
    }
  })

  test('counts a client, not the gateway in front of it', async () => {
    const from = (ip: string) =>
      ask('?session=optional', { headers: { 'x-forwarded-for': `9.9.9.9, ${ip}` } })

    const left = [await from('198.51.100.1'), await from('198.51.100.1'), await from('198.51.100.2')]

    expect(left.map(({ headers }) => /r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1])).toEqual([
      '1999',
      '1998',
      '1999',
    ])
  })

  test('refuses a path that two readers may take for different ones', async () => {
    const headers = { 'x-original-uri': '/internal%2Fsecret' }

    const { status, body } = await ask('', { token: alice.accessToken, headers })

    expect([status, body.details]).toEqual([403, [{ reason: 'ambiguous_path' }]])
  })

  test.each([
    ['?policy=partner', 'counts by tenant, which a gateway does not tell'],
    ['?policy=phone&session=optional', 'counts by user, which needs session=required'],
  ])('refuses %s, which would never count anything', async (query, message) => {
    const { status, body } = await ask(query, { token: alice.accessToken })

    expect([status, body.details]).toEqual([400, [{ path: 'policy', message }]])
  })

  test.each(['nobody-knows', 'constructor'])('refuses the policy %s, which does not exist', async (name) => {
    const { status, body } = await ask(`?policy=${name}`, { token: alice.accessToken })

    expect([status, body.details]).toEqual([400, [{ path: 'policy', message: 'no such policy' }]])
  })
})
