import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { runRules } from '#scripts/rules/run-rules.ts'
import { createTrustedHops } from '#shared/http/trusted-hops.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import type { TestAnswer } from '#tests/invocation.ts'
import { sessionSigner } from '#tests/signed-session.ts'

let backend: Backend
let boss: SignedIn
let alice: SignedIn
beforeEach(async () => {
  backend = await startBackend({
    guard: { trustedHops: createTrustedHops(['10.0.0.5']) },
    admins: ['boss'],
  })
  boss = await backend.signIn('boss')
  alice = await backend.signIn('alice')
})
afterEach(() => backend.close())

function admin(
  path: string,
  body?: unknown,
  method = body === undefined ? 'GET' : 'PUT',
): Promise<TestAnswer> {
  const signer = sessionSigner(boss, backend.now)
  return backend.call(path, { method, body, token: boss.accessToken, signer })
}

async function publish(...rules: readonly object[]): Promise<void> {
  const answer = await admin('/rate-check/rules', { rules })
  expect(answer.status).toBe(200)
  backend.advance(5_000)
}

function brief({ status, body }: TestAnswer): string {
  return `${status} ${body?.error ?? 'ok'}`
}

describe('a published rule', () => {
  test('is in force within five seconds in every function', async () => {
    const before = await backend.call('/user', { token: alice.accessToken })
    await publish({
      id: 'no-reads',
      priority: 1,
      scope: { route: '/user', method: 'GET' },
      when: 'true',
      action: 'deny',
      reason: 'closed',
    })

    const denied = await backend.call('/user', { token: alice.accessToken })
    const other = await backend.call('/user/sessions', { token: alice.accessToken })

    expect([before, denied, other].map(brief)).toEqual(['200 ok', '403 risk_denied', '200 ok'])
    expect(denied.body.details).toEqual([{ reason: 'closed' }])
    expect(denied.headers.get('ratelimit')).toContain('user-read')
  })

  test('about a user judges a login once that knows who comes', async () => {
    await publish({
      id: 'not-alice',
      priority: 1,
      scope: { route: '/login' },
      when: `user.id == "${alice.user.id}"`,
      action: 'deny',
    })
    const logIn = (name: string) =>
      backend.call('/login', { body: { code: backend.wechat.control.mintLoginCode(name).code } })

    expect([await logIn('alice'), await logIn('bob')].map(brief)).toEqual(['403 risk_denied', '200 ok'])
  })

  test('that challenges lets a session of less than five minutes pass', async () => {
    await publish({
      id: 'fresh-only',
      priority: 1,
      scope: { route: '/user' },
      when: 'true',
      action: 'challenge',
    })

    const fresh = await backend.call('/user', { token: alice.accessToken })
    backend.advance(5 * 60_000)
    const stale = await backend.call('/user', { token: alice.accessToken })

    expect([fresh, stale].map(brief)).toEqual(['200 ok', '403 risk_denied'])
    expect(stale.body.details).toMatchObject([{ challenge: 'fresh_login' }])
  })

  test('that throttles puts a limit of its own on what it holds for', async () => {
    await admin('/rate-check/policies', { policies: { trickle: { quota: 2, windowS: 60, by: ['user'] } } })
    await publish({
      id: 'slow',
      priority: 1,
      scope: { route: '/user' },
      when: 'method == "GET"',
      action: 'throttle',
      policy: 'trickle',
    })

    const answers: TestAnswer[] = []
    for (let at = 0; at < 3; at += 1) answers.push(await backend.call('/user', { token: alice.accessToken }))

    expect(answers.map(brief)).toEqual(['200 ok', '200 ok', '429 rate_limited'])
    expect(answers.at(-1)?.headers.get('ratelimit-policy')).toContain('"trickle";q=2;w=60')
    expect(answers.at(-1)?.headers.get('retry-after')).toBe('30')
  })

  test('that throttles by user counts the logins of a person, once that is known', async () => {
    await admin('/rate-check/policies', {
      policies: { logins: { quota: 1, windowS: 60, by: ['user'] } },
    })
    const throttle = { action: 'throttle', policy: 'logins' } as const
    await publish({
      id: 'logins',
      priority: 1,
      scope: { route: '/login' },
      when: 'user.signedIn',
      ...throttle,
    })
    const logIn = (name: string) =>
      backend.call('/login', { body: { code: backend.wechat.control.mintLoginCode(name).code } })

    const answers = [await logIn('alice'), await logIn('alice'), await logIn('bob')]

    expect(answers.map(brief)).toEqual(['200 ok', '429 rate_limited', '200 ok'])
  })

  test('in the shadow only counts', async () => {
    await publish({
      id: 'would-deny',
      priority: 1,
      scope: { route: '/user' },
      when: 'true',
      action: 'shadow',
    })

    const passed = await backend.call('/user', { token: alice.accessToken })
    await backend.call('/user', { token: alice.accessToken })
    await backend.settled()
    const { body } = await admin('/rate-check/rules')

    expect(brief(passed)).toBe('200 ok')
    expect(body.data.counts['would-deny'].matched).toBe(2)
  })

  test('sees the original request behind a gateway', async () => {
    await publish({
      id: 'no-files',
      priority: 1,
      scope: { route: '/files/secret', method: 'DELETE' },
      when: 'true',
      action: 'deny',
    })
    const ask = (method: string) =>
      backend.call('/rate-check/auth', {
        token: alice.accessToken,
        headers: {
          'x-forwarded-for': '203.0.113.50',
          'x-forwarded-method': method,
          'x-forwarded-uri': '/files/secret?x=1',
        },
        invocation: { clientIp: '10.0.0.5' },
      })

    expect([await ask('DELETE'), await ask('GET')].map(brief)).toEqual(['403 risk_denied', '200 ok'])
  })
})

describe('a rule that shuts everybody out', () => {
  const ALL = { id: 'all', priority: 1, when: 'true', action: 'deny' }

  test('leaves the routes where it is taken back to admins who are signed in', async () => {
    await publish(ALL)

    const shut = await backend.call('/user', { token: boss.accessToken })
    const looked = await admin('/rate-check/rules')
    await publish()

    expect([shut, looked].map(brief)).toEqual(['403 risk_denied', '200 ok'])
    expect(brief(await backend.call('/user', { token: boss.accessToken }))).toBe('200 ok')
  })

  test('is taken back from a terminal', async () => {
    await publish(ALL)
    await admin('/rate-check/denied', { kind: 'user', value: boss.user.id, ttlS: 7 * 86_400 }, 'POST')
    const lines: string[] = []
    const options = { databaseUrl: backend.databaseUrl.href, print: (line: string) => lines.push(line) }

    for (const name of ['clear', 'undeny', 'list'] as const) await runRules({ name }, options)
    backend.advance(70_000) // the state store of this test is not the command's: its pointer has to run out

    expect(lines.slice(0, 2)).toEqual([
      'Version 2 is published, without rules and policies.',
      '1 entries are taken from the deny list.',
    ])
    expect(lines.slice(2).map((line) => line.slice(0, 1))).toEqual(['2', '1'])
    expect(brief(await backend.call('/user', { token: boss.accessToken }))).toBe('200 ok')
  })
})

test('a published policy goes before the built-in one of its name', async () => {
  await admin('/rate-check/policies', {
    policies: { 'user-read': { quota: 1, windowS: 3_600, by: ['user'] } },
  })
  backend.advance(5_000)

  const answers = [
    await backend.call('/user', { token: alice.accessToken }),
    await backend.call('/user', { token: alice.accessToken }),
  ]

  expect(answers.map(brief)).toEqual(['200 ok', '429 rate_limited'])
})

test('who is on the deny list is turned away within five seconds, and let in again', async () => {
  const denial = { kind: 'user', value: alice.user.id, ttlS: 3_600 }
  const { body } = await admin('/rate-check/denied', denial, 'POST')
  backend.advance(5_000)
  const denied = await backend.call('/user', { token: alice.accessToken })
  await admin(`/rate-check/denied/${body.data.id}`, undefined, 'DELETE')
  backend.advance(5_000)
  const again = await backend.call('/user', { token: alice.accessToken })

  expect([denied, again].map(brief)).toEqual(['403 risk_denied', '200 ok'])
})

test('rules are published by admins alone, and signed', async () => {
  const rules = { rules: [] }
  const signer = sessionSigner(alice, backend.now)

  const answers = [
    await backend.call('/rate-check/rules', { method: 'PUT', body: rules }),
    await backend.call('/rate-check/rules', { method: 'PUT', body: rules, token: boss.accessToken }),
    await backend.call('/rate-check/rules', { method: 'PUT', body: rules, token: alice.accessToken, signer }),
    await backend.call('/rate-check/rules', { token: alice.accessToken }),
  ]

  expect(answers.map(brief)).toEqual(['400 bad_request', '400 bad_request', '403 forbidden', '403 forbidden'])
})
