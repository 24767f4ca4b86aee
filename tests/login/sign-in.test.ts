import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { APP_ID, type Backend, startBackend } from '#tests/backend.ts'

let backend: Backend

beforeAll(async () => {
  backend = await startBackend()
})
afterAll(() => backend.close())
beforeEach(() => {
  backend.wechat.control.clearFailures()
  backend.state.failing = false
})

async function countUsers(): Promise<number> {
  return (await (await backend.database.sql()).selectFrom('users').select('id').execute()).length
}

describe('POST /login', () => {
  test('a code of wx.login becomes a session', async () => {
    const { code } = backend.wechat.control.mintLoginCode('dev-alice')

    const { status, body } = await backend.call('/login', {
      body: { code, device: { model: 'iPhone 17', platform: 'ios' } },
    })

    expect(status).toBe(200)
    expect(body.data).toEqual({
      accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      expiresInS: 600,
      refreshToken: expect.any(String),
      refreshExpiresInS: 30 * 86_400,
      signing: { kid: expect.any(String), key: expect.stringMatching(/^[\w-]{43}$/) },
      user: {
        id: expect.any(String),
        nickname: null,
        avatarUrl: null,
        gender: 'unknown',
        locale: null,
        phoneMasked: null,
        roles: [],
        createdAt: expect.any(String),
      },
    })
  })

  test('the same person is the same user at every login, with a new session each time', async () => {
    const first = await backend.signIn('dev-bob')
    const second = await backend.signIn('dev-bob')

    expect(second.user.id).toBe(first.user.id)
    expect(second.refreshToken).not.toBe(first.refreshToken)
    expect(second.signing.key).not.toBe(first.signing.key)
  })

  test('openid, unionid and session_key are in no answer and in no log line', async () => {
    const { code, openid } = backend.wechat.control.mintLoginCode('dev-carol')

    const { body } = await backend.call('/login', { body: { code } })

    const row = await (
      await backend.database.sql()
    )
      .selectFrom('sessions')
      .selectAll()
      .orderBy('created_at', 'desc')
      .executeTakeFirstOrThrow()
    const everything = JSON.stringify(body) + backend.log.join('')
    expect(everything).not.toContain(openid)
    expect(everything).not.toContain(code)
    expect(everything).not.toMatch(/session_?key/i)
    expect(row.wechat_key_encrypted).toMatch(/^s1\./)
  })

  test('twenty first logins at once make one user', async () => {
    const codes = Array.from({ length: 20 }, () => backend.wechat.control.mintLoginCode('dev-crowd').code)

    const answers = await Promise.all(codes.map((code) => backend.call('/login', { body: { code } })))

    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(new Set(answers.map(({ body }) => body.data.user.id)).size).toBe(1)
    const userId: string = answers[0]?.body.data.user.id
    const live = await (
      await backend.database.sql()
    )
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .where('revoked_at', 'is', null)
      .execute()
    expect(live).toHaveLength(10)
  })

  test('the same code sent five times at once reaches WeChat once and logs in each time', async () => {
    const { code } = backend.wechat.control.mintLoginCode('dev-dora')
    const before = backend.wechat.control.calls()['/sns/jscode2session'] ?? 0

    const answers = await Promise.all(
      Array.from({ length: 5 }, () => backend.call('/login', { body: { code } })),
    )

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(backend.wechat.control.calls()['/sns/jscode2session']).toBe(before + 1)
  })

  test.each([
    ['unknown', () => 'no-such-code'],
    [
      'older than five minutes',
      () => {
        const { code } = backend.wechat.control.mintLoginCode('dev-eve')
        backend.advance(301_000)
        return code
      },
    ],
  ])('a code that is %s answers 40103 and makes no user', async (_, makeCode) => {
    const code = makeCode()
    const before = await countUsers()

    const { status, body } = await backend.call('/login', { body: { code } })

    expect([status, body.code, body.error]).toEqual([401, 40103, 'login_code_invalid'])
    expect(await countUsers()).toBe(before)
  })

  test.each([
    ['a zero byte', { model: 'a\u0000b' }],
    ['half a character', { model: 'a\uD800b' }],
    ['a terminal command', { id: '\u001b[31mred' }],
    ['an array', []],
  ])('a device with %s is refused before the code is used', async (_, device) => {
    const { code } = backend.wechat.control.mintLoginCode('dev-nate')

    const refused = await backend.call('/login', { body: { code, device } })

    expect(refused.body.error).toBe('validation_failed')
    expect((await backend.call('/login', { body: { code } })).status).toBe(200)
  })

  test('a used code answers 40103', async () => {
    const { code } = backend.wechat.control.mintLoginCode('dev-frank')
    await backend.call('/login', { body: { code } })
    backend.advance(15_000)

    const { body } = await backend.call('/login', { body: { code } })

    expect(body.code).toBe(40103)
  })

  test.each([
    ['an HTTP 500', { status: 500 }, [502, 504]],
    ['the system error -1', { errcode: -1 }, [502]],
    ['a wrong secret', { errcode: 40125 }, [502]],
    ['the minute quota', { errcode: 45011 }, [429]],
    ['a high-risk user', { errcode: 40226 }, [403]],
    ['a dropped connection', { connection: 'drop' }, [502]],
    ['silence', { connection: 'silent' }, [504]],
    ['no JSON', { body: '<html>' }, [502]],
    ['a huge answer', { bodyBytes: 5_000_000 }, [502]],
  ] as const)(
    'WeChat answering %s gives a clear error and no half-made user',
    async (_, failure, statuses) => {
      backend.wechat.control.fail({ endpoint: '/sns/jscode2session', ...failure })
      const { code } = backend.wechat.control.mintLoginCode('dev-unlucky')
      const before = await countUsers()

      const { status, body } = await backend.call('/login', { body: { code } })

      expect(statuses).toContain(status)
      expect(body.message).toMatch(/\p{Script=Han}/u)
      expect(await countUsers()).toBe(before)
    },
  )

  test('an eleventh session ends the oldest one at once', async () => {
    const first = await backend.signIn('dev-heidi')
    for (let index = 0; index < 10; index += 1) {
      backend.advance(1_000)
      await backend.signIn('dev-heidi')
    }

    const { status, body } = await backend.call('/user', { token: first.accessToken })

    expect([status, body.error]).toEqual([401, 'token_revoked'])
  })

  test('a banned user cannot log in', async () => {
    const { user } = await backend.signIn('dev-ivan')
    await (
      await backend.database.sql()
    )
      .updateTable('users')
      .set({ status: 'banned' })
      .where('id', '=', user.id)
      .execute()
    const { code } = backend.wechat.control.mintLoginCode('dev-ivan')

    const { status, body } = await backend.call('/login', { body: { code } })

    expect([status, body.details]).toEqual([403, [{ reason: 'user_banned' }]])
  })

  test('the same openid in another app is another user', async () => {
    const { user } = await backend.signIn('dev-judy')
    const row = await (
      await backend.database.sql()
    )
      .selectFrom('users')
      .selectAll()
      .where('id', '=', user.id)
      .executeTakeFirstOrThrow()
    const other = { ...row, id: '01900000-0000-7000-8000-000000000001', app_id: 'wx0000000000000001' }

    await (await backend.database.sql()).insertInto('users').values(other).execute()

    expect(row.app_id).toBe(APP_ID)
    expect((await backend.signIn('dev-judy')).user.id).toBe(user.id)
  })
})

describe('GET /keys', () => {
  test('is a JWK set at the top level as well, and may be cached', async () => {
    const { body, headers } = await backend.call('/keys')

    expect(body).toMatchObject({ code: 0, keys: body.data.keys })
    expect(body.data.keys[0]).toEqual(
      expect.objectContaining({ kty: 'EC', alg: 'ES256', use: 'sig', kid: expect.any(String) }),
    )
    expect(JSON.stringify(body)).not.toContain('"d"')
    expect(headers.get('cache-control')).toBe('public, max-age=300')
  })
})
