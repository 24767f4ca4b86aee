import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { type RedisServer, startRedis } from '#scripts/services/redis.ts'
import type { TestAnswer, TestCall } from '#tests/invocation.ts'
import { testDatabase, type TestDatabase } from '#tests/services/test-database.ts'
import { type Client, createClient, type SignedIn } from './client.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'

const CLOUDS = [
  { as: 'fc', runtime: 'bun' },
  { as: 'fc', runtime: 'node' },
  { as: 'scf', runtime: 'bun' },
  { as: 'scf', runtime: 'node' },
] as const
type CloudName = (typeof CLOUDS)[number]

// One deployment on four platforms: the same database, state store and secrets, each platform with its own functions.
let database: TestDatabase
let redis: RedisServer | undefined
let clouds: ReadonlyMap<CloudName, DevCommand>
beforeAll(async () => {
  database = await testDatabase('postgres')
  redis = await startRedis()
  const env = {
    ...generateSecrets(),
    DATABASE_URL: database.url.href,
    RATE_LIMIT_FACTOR: '1000',
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
  }
  const starting = CLOUDS.map(async (name) => {
    const args = ['--as', name.as, '--runtime', name.runtime]
    return [name, await startDevCommand({ args, env })] as const
  })
  clouds = new Map(await Promise.all(starting))
}, 120_000)
afterAll(async () => {
  await Promise.all([...(clouds?.values() ?? [])].map((cloud) => cloud.end('SIGTERM')))
  await redis?.stop()
  await database?.close()
}, 60_000)

function clientOf(name: CloudName): Client {
  const cloud = clouds.get(name)
  if (cloud === undefined) throw new Error(`${name.as} on ${name.runtime} does not run`)
  return createClient(cloud.url)
}

function brief({ status, body }: TestAnswer): string {
  return `${status} ${body?.error ?? body?.code ?? ''}`.trim()
}

/** People of this cloud alone: the four share a database. */
function person({ as, runtime }: CloudName, name: string): string {
  return `${name}-${as}-${runtime}`
}

describe.each(CLOUDS)('on $as with $runtime', (name) => {
  test('a person signs in, keeps a profile and a phone number, refreshes, signs out and is refused', async () => {
    const { call, signIn } = clientOf(name)

    const { accessToken: token, refreshToken, user } = await signIn(person(name, 'alice'))
    const written = await call('/user', {
      method: 'PUT',
      token,
      body: { nickname: '爱丽丝 🐇', gender: 'female' },
    })
    const read = await call('/user', { token })
    const phone = await call('/user/phone', { token, body: { code: 'dev-phone-13800000001' } })
    const sessions = await call('/user/sessions', { token })
    const refreshed = await call('/login/refresh', { body: { refreshToken } })
    const fresh = refreshed.body.data.accessToken
    const out = await call('/logout', { method: 'POST', token: fresh })
    const after = await Promise.all([
      call('/user', { token: fresh }),
      call('/user', { token }),
      call('/login/refresh', { body: { refreshToken: refreshed.body.data.refreshToken } }),
    ])

    expect([written, read, phone, sessions, refreshed, out].map(brief)).toEqual(Array(6).fill('200 0'))
    expect(read.body.data).toMatchObject({ id: user.id, nickname: '爱丽丝 🐇', gender: 'female' })
    expect(phone.body.data).toEqual({ phoneMasked: '138******01' })
    expect(sessions.body.data.items).toMatchObject([{ current: true }])
    expect(refreshed.body.data.refreshToken).not.toBe(refreshToken)
    expect(after.map(brief)).toEqual(Array(3).fill('401 token_revoked'))
    expect(after[0]?.body.code).toBe(40102)
  })

  test('every answer carries the request id that the platform gave', async () => {
    const answer = await clientOf(name).call('/hello')

    const id = answer.headers.get(`x-${name.as}-request-id`)
    expect(id).toMatch(/^[0-9a-f-]{30,36}$/)
    expect([answer.headers.get('x-request-id'), answer.body.requestId]).toEqual([id, id])
    expect(answer.body.data.platform).toBe(name.as)
  })

  test('a token with any one character changed is a 401, and so is a refresh token, which stays valid', async () => {
    const { call, signIn } = clientOf(name)
    const { accessToken, refreshToken } = await signIn(person(name, 'mallory'))

    const access = await inTurns(changed(accessToken), (token) => call('/user', { token }))
    const refresh = await inTurns(changed(refreshToken), (token) =>
      call('/login/refresh', { body: { refreshToken: token } }),
    )

    expect(access.length).toBe(accessToken.length)
    expect(new Set([...access, ...refresh].map(brief))).toEqual(new Set(['401 unauthenticated']))
    expect(brief(await call('/user', { token: accessToken }))).toBe('200 0')
    expect(brief(await call('/login/refresh', { body: { refreshToken } }))).toBe('200 0')
  }, 60_000)

  test('one person’s token never reaches another’s data', async () => {
    const { call, signIn } = clientOf(name)
    const [a, b] = await Promise.all([signIn(person(name, 'anna')), signIn(person(name, 'bert'))])
    const sid = await sessionOf(clientOf(name), b)
    const secretName = `Bert ${name.runtime}`
    await call('/user', { method: 'PUT', token: b.accessToken, body: { nickname: secretName } })
    await call('/user/phone', { token: b.accessToken, body: { code: 'dev-phone-13900000002' } })

    const answers = await inTurns(attempts(b.user.id, sid), ([path, options]) =>
      call(path, { token: a.accessToken, ...options }),
    )

    expect(answers.map(brief)).toEqual(attempts(b.user.id, sid).map(([, , expected]) => expected))
    const seen = JSON.stringify(answers.map(({ body }) => body))
    for (const theirs of [b.user.id, sid, secretName, '139******02']) expect(seen).not.toContain(theirs)
    const still = await call('/user', { token: b.accessToken })
    expect(still.body.data).toMatchObject({ id: b.user.id, nickname: secretName, phoneMasked: '139******02' })
    expect(await sessionOf(clientOf(name), b)).toBe(sid)
  })

  test('what is malformed is refused by the table of errors, and nothing is stored', async () => {
    const { call, signIn } = clientOf(name)
    const { accessToken: token } = await signIn(person(name, 'carol'))
    const before = await call('/user', { token })

    const answers = await inTurns(MALFORMED, ([, path, options]) => call(path, { token, ...options }))

    expect(answers.map(brief)).toEqual(MALFORMED.map(([expected]) => expected))
    for (const { body } of answers)
      expect(body).toMatchObject({
        message: expect.any(String),
        details: expect.any(Array),
        requestId: expect.any(String),
      })
    expect((await call('/user', { token })).body.data).toEqual(before.body.data)
  })

  test('a wrong method names the right ones, HEAD answers without a body, OPTIONS needs no route', async () => {
    const { call, signIn } = clientOf(name)
    const { accessToken: token } = await signIn(person(name, 'dave'))

    const [login, user] = await Promise.all([
      call('/login'),
      call('/user', { method: 'POST', token, body: {} }),
    ])
    const head = await call('/user', { method: 'HEAD', token })
    const options = await call('/user', { method: 'OPTIONS' })

    expect([login, user].map(brief)).toEqual(Array(2).fill('405 method_not_allowed'))
    expect(login.headers.get('allow')).toBe('POST, OPTIONS')
    expect(user.headers.get('allow')).toBe('GET, PUT, DELETE, HEAD, OPTIONS')
    expect([head.status, head.body, options.status, options.body]).toEqual([200, undefined, 204, undefined])
  })

  test('headers beyond 8 KB are refused, by the platform or by us', async () => {
    const { call } = clientOf(name)

    const answer = await call('/hello', { headers: { 'x-long': 'a'.repeat(9 * 1024) } })

    // FC's own limit comes first; SCF lets these through, and our answer is what the API says.
    expect(answer.status).toBe(name.as === 'fc' ? 400 : 413)
    expect(answer.body).toMatchObject(name.as === 'fc' ? { ErrorCode: 'InvalidArgument' } : { code: 41300 })
  })
})

test('a session ended on one platform is refused on every other at once', async () => {
  const [here, ...others] = CLOUDS.map(clientOf)
  const { accessToken: token } = (await here?.signIn('nomad')) ?? { accessToken: '' }
  // Each has asked the database by now, and remembers that the session lives.
  const live = await Promise.all(others.map(({ call }) => call('/user', { token })))

  await here?.call('/logout', { method: 'POST', token })
  const refused = await Promise.all(others.map(({ call }) => call('/user', { token })))

  expect(live.map(brief)).toEqual(Array(3).fill('200 0'))
  expect(refused.map(brief)).toEqual(Array(3).fill('401 token_revoked'))
})

type Call = Omit<TestCall, 'invocation' | 'token'>

const BIG = JSON.stringify({ nickname: 'a'.repeat(64 * 1024) })

/** Expected answer, path, call: all with a good token. */
const MALFORMED: readonly (readonly [expected: string, path: string, call: Call])[] = [
  ['400 invalid_json', '/user', { method: 'PUT', body: '{"nickname":' }],
  ['400 invalid_json', '/user', { method: 'PUT', body: '{"nickname":"a","nickname":"b"}' }],
  ['400 invalid_json', '/login', { body: `${'['.repeat(100)}${']'.repeat(100)}` }],
  ['400 invalid_json', '/login', { method: 'POST' }],
  ['400 validation_failed', '/user', { method: 'PUT', body: { nickname: 5 } }],
  ['400 validation_failed', '/user', { method: 'PUT', body: { nickname: 'a\u202eb' } }],
  ['400 validation_failed', '/user', { method: 'PUT', body: { nickname: 'Carol', admin: true } }],
  ['400 validation_failed', '/user', { method: 'PUT', body: { nickname: 'Carol', id: 'another' } }],
  ['400 validation_failed', '/user', { method: 'PUT', body: 'null' }],
  ['400 validation_failed', '/login', { body: { code: '' } }],
  ['400 validation_failed', '/login', { body: { code: 'dev-carol', openid: 'x' } }],
  ['400 validation_failed', '/user/phone', { body: {} }],
  ['401 login_code_invalid', '/login', { body: { code: 'no-code-of-wechat' } }],
  ['404 not_found', '/user/nothing', {}],
  ['404 not_found', '/user/', {}],
  ['413 payload_too_large', '/user', { method: 'PUT', body: BIG }],
  [
    '415 unsupported_media_type',
    '/user',
    { method: 'PUT', body: '{}', headers: { 'content-type': 'text/plain' } },
  ],
  [
    '415 unsupported_media_type',
    '/user',
    { method: 'PUT', body: '{}', headers: { 'content-type': 'application/json; charset=gbk' } },
  ],
  [
    '415 unsupported_media_type',
    '/login',
    { body: 'code=dev-carol', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  ],
]

/** What somebody else may try with a user's and a session's id, and what they get. */
function attempts(
  id: string,
  sid: string,
): readonly (readonly [path: string, call: Call, expected: string])[] {
  const forms = [
    sid,
    sid.toUpperCase(),
    sid.replaceAll('-', ''),
    `{${sid}}`,
    `urn:uuid:${sid}`,
    `${sid}%00`,
    `%20${sid}`,
  ]
  const encoded = [...sid].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('')
  return [
    ...[...forms, encoded, id].map(
      (form) => [`/user/sessions/${form}`, { method: 'DELETE' }, '404 not_found'] as const,
    ),
    [`/user/${id}`, {}, '404 not_found'],
    [`/user?id=${id}`, {}, '200 0'],
    [`/user?userId=${id}`, { headers: { 'x-user-id': id } }, '200 0'],
    [`/user/export?userId=${id}`, {}, '200 0'],
    [`/user/sessions?userId=${id}`, {}, '200 0'],
    ['/user', { method: 'PUT', body: { id, nickname: 'Anna' } }, '400 validation_failed'],
    ['/user', { method: 'PUT', body: { userId: id, nickname: 'Anna' } }, '400 validation_failed'],
    ['/user/phone', { body: { code: 'dev-phone-13700000003', userId: id } }, '400 validation_failed'],
    ['/user', { method: 'DELETE', body: { id } }, '400 validation_failed'],
    ['/users', {}, '403 forbidden'],
    [`/users?cursor=${Buffer.from(`id:${id}`).toString('base64url')}`, {}, '403 forbidden'],
    ['/users/search', { body: { phone: '+8613900000002' } }, '403 forbidden'],
    ['/users', { body: { nickname: 'Anna' } }, '403 forbidden'],
    [`/users/${id}`, { method: 'PUT', body: { status: 'banned' } }, '403 forbidden'],
  ]
}

async function sessionOf({ call }: Client, { accessToken: token }: SignedIn): Promise<string> {
  const { body } = await call('/user/sessions', { token })
  return body.data.items.find((item: { readonly current: boolean }) => item.current).id
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Every token that differs in one place. The neighbour in the alphabet differs in the lowest bits, as the unused ones. */
function changed(token: string): readonly string[] {
  return [...token].map((char, at) => {
    const other = BASE64URL[(BASE64URL.indexOf(char) + 1) % 64] ?? ''
    return token.slice(0, at) + other + token.slice(at + 1)
  })
}

const AT_A_TIME = 10

/** Results in the order of `items`, a few at a time. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += AT_A_TIME)
    results.push(...(await Promise.all(items.slice(at, at + AT_A_TIME).map(work))))
  return results
}
