import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'

describe.each(['postgres', 'mysql'] as const)('user on %s', (dialect) => {
  let backend: Backend

  beforeAll(async () => {
    backend = await startBackend({ dialect, admins: ['dev-admin'] })
  })
  afterAll(() => backend.close())
  beforeEach(() => {
    backend.wechat.control.clearFailures()
    backend.state.failing = false
  })

  async function rowOf({ user }: SignedIn) {
    return (await backend.database.sql())
      .selectFrom('users')
      .selectAll()
      .where('id', '=', user.id)
      .executeTakeFirstOrThrow()
  }

  function bindPhone(session: SignedIn, number: string) {
    const { code } = backend.wechat.control.mintPhoneCode(number)
    return backend.call('/user/phone', { token: session.accessToken, body: { code } })
  }

  test('GET /hello answers without a session', async () => {
    const { status, body } = await backend.call('/hello')

    expect([status, body.data.platform]).toEqual([200, 'local'])
  })

  describe('profile', () => {
    test('is written and read back, Chinese and emoji included', async () => {
      const { accessToken: token } = await backend.signIn('dev-alice')
      const profile = { nickname: '  小函 🍵 ', gender: 'female', locale: 'zh-CN' }

      const written = await backend.call('/user', { method: 'PUT', token, body: profile })
      const read = await backend.call('/user', { token })

      expect(written.status).toBe(200)
      expect(read.body.data).toMatchObject({ nickname: '小函 🍵', gender: 'female', locale: 'zh-CN' })
      expect(read.body.data).toEqual(written.body.data)
    })

    test.each([['👨‍👩‍👧'], ['❤️‍🔥 love'], ['🏴󠁧󠁢󠁥󠁮󠁧󠁿'], ['‌می‌خواهم'], ['Zoë']])(
      'the nickname %s is taken',
      async (nickname) => {
        const { accessToken: token } = await backend.signIn('dev-alice')

        const { body } = await backend.call('/user', { method: 'PUT', token, body: { nickname } })

        expect(body.data.nickname).toBe(nickname)
      },
    )

    test.each([
      ['an unknown field', { nickname: 'a', roles: ['admin'] }],
      ['a read-only field', { id: 'x' }],
      ['a wrong type', { nickname: 7 }],
      ['an empty nickname', { nickname: ' ' }],
      ['a nickname of 33 characters', { nickname: 'x'.repeat(33) }],
      ['a nickname with a line break', { nickname: 'a\nb' }],
      ['a nickname with a direction override', { nickname: 'a\u202Eb' }],
      ['an unknown gender', { gender: 'x' }],
      ['a made-up locale', { locale: "zh'; drop table users" }],
      ['an array', []],
      ['a nickname of joiners alone', { nickname: '\u200D\u200C' }],
      ['a file of nobody', { avatarFileId: '01900000-0000-7000-8000-000000000001' }],
      ['__proto__', JSON.parse('{"__proto__":{"roles":"admin"}}')],
    ])('%s is refused and nothing is stored', async (_, body) => {
      const session = await backend.signIn('dev-bob')
      const before = await rowOf(session)

      const answer = await backend.call('/user', { method: 'PUT', token: session.accessToken, body })

      expect([answer.status, answer.body.error]).toEqual([400, 'validation_failed'])
      expect(await rowOf(session)).toEqual(before)
    })

    test('a nickname that content safety refuses is not stored', async () => {
      const session = await backend.signIn('dev-bob')

      const { status, body } = await backend.call('/user', {
        method: 'PUT',
        token: session.accessToken,
        body: { nickname: '赌博之王' },
      })

      expect([status, body.details]).toEqual([
        400,
        [{ path: 'nickname', message: 'refused by content safety' }],
      ])
      expect((await rowOf(session)).nickname).toBeNull()
    })

    test('WeChat being down is told, and nothing is stored', async () => {
      const session = await backend.signIn('dev-bob')
      backend.wechat.control.fail({ endpoint: '/wxa/msg_sec_check', status: 500 })

      const { status } = await backend.call('/user', {
        method: 'PUT',
        token: session.accessToken,
        body: { nickname: 'fine' },
      })

      expect(status).toBe(502)
      expect((await rowOf(session)).nickname).toBeNull()
    })

    test.each([[undefined], ['Bearer'], ['Basic YTpi'], ['Bearer a b'], ['Bearer junk']])(
      'authorization "%s" is refused',
      async (authorization) => {
        const { status, body } = await backend.call('/user', {
          headers: authorization === undefined ? {} : { authorization },
        })

        expect([status, body.error]).toEqual([401, 'unauthenticated'])
      },
    )
  })

  describe('phone', () => {
    test('is bound by a code, encrypted, indexed, and masked in answers', async () => {
      const session = await backend.signIn('dev-carol')

      const { status, body } = await bindPhone(session, '13800000001')

      const row = await rowOf(session)
      expect([status, body.data]).toEqual([200, { phoneMasked: '138******01' }])
      expect((await backend.call('/user', { token: session.accessToken })).body.data.phoneMasked).toBe(
        '138******01',
      )
      expect(row.phone_encrypted).toMatch(/^s1\./)
      expect(row.phone_index).toMatch(/^[0-9a-f]{64}$/)
      expect(JSON.stringify(row) + backend.log.join('')).not.toContain('13800000001')
    })

    test('an invalid code is refused by name, and nothing is stored', async () => {
      const session = await backend.signIn('dev-carol')

      const { body } = await backend.call('/user/phone', {
        token: session.accessToken,
        body: { code: 'nonsense' },
      })

      expect([body.error, body.details]).toEqual(['validation_failed', [{ reason: 'phone_code_invalid' }]])
    })

    test('replacing it needs a fresh login, by a code of the same person', async () => {
      const session = await backend.signIn('dev-dora')
      await bindPhone(session, '13800000002')
      backend.advance(301_000)
      const code = () => backend.wechat.control.mintPhoneCode('13800000003').code
      const own = backend.wechat.control.mintLoginCode('dev-dora').code
      const foreign = backend.wechat.control.mintLoginCode('dev-eve').code
      const change = (body: object) => backend.call('/user/phone', { token: session.accessToken, body })

      const stale = await change({ code: code() })
      const stolen = await change({ code: code(), loginCode: foreign })
      const fresh = await change({ code: code(), loginCode: own })

      expect(stale.body.details).toEqual([{ reason: 'fresh_login_required', field: 'loginCode' }])
      expect(stolen.body.details).toEqual([{ reason: 'login_code_of_another_user' }])
      expect(fresh.body.data).toEqual({ phoneMasked: '138******03' })
    })

    test('older clients bind it by encryptedData', async () => {
      const session = await backend.signIn('dev-frank')
      const { encryptedData, iv } = backend.wechat.control.phoneInfo('dev-frank', '13900000004')

      const { body } = await backend.call('/user/phone', {
        token: session.accessToken,
        body: { encryptedData, iv },
      })

      expect(body.data).toEqual({ phoneMasked: '139******04' })
    })

    test('encryptedData of another person is refused without saying why', async () => {
      const session = await backend.signIn('dev-frank')
      await backend.signIn('dev-grace')
      const { encryptedData, iv } = backend.wechat.control.phoneInfo('dev-grace', '13900000005')

      const { status, body } = await backend.call('/user/phone', {
        token: session.accessToken,
        body: { encryptedData, iv },
      })

      expect([status, body.error]).toEqual([400, 'validation_failed'])
    })
  })

  describe('profile of older clients', () => {
    test('signed raw data becomes the profile', async () => {
      const session = await backend.signIn('dev-heidi')
      const { rawData, signature } = backend.wechat.control.userInfo('dev-heidi', {
        nickName: '海蒂',
        gender: 2,
      })

      const { body } = await backend.call('/user/wechat-profile', {
        token: session.accessToken,
        body: { rawData, signature },
      })

      expect(body.data).toMatchObject({ nickname: '海蒂', gender: 'female', locale: 'zh_CN' })
    })

    test('encrypted data becomes the profile', async () => {
      const session = await backend.signIn('dev-heidi')
      const { encryptedData, iv } = backend.wechat.control.userInfo('dev-heidi', {
        nickName: 'Heidi',
        gender: 1,
      })

      const { body } = await backend.call('/user/wechat-profile', {
        token: session.accessToken,
        body: { encryptedData, iv },
      })

      expect(body.data).toMatchObject({ nickname: 'Heidi', gender: 'male' })
    })

    test('raw data changed after signing is refused', async () => {
      const session = await backend.signIn('dev-heidi')
      const { rawData, signature } = backend.wechat.control.userInfo('dev-heidi', { nickName: '海蒂' })

      const body = { rawData: rawData.replace('海蒂', '黑客'), signature }

      expect((await backend.call('/user/wechat-profile', { token: session.accessToken, body })).status).toBe(
        400,
      )
    })
  })

  describe('sessions', () => {
    test('are listed newest first, with the current one marked', async () => {
      const first = await backend.signIn('dev-ivan')
      backend.advance(1_000)
      await backend.signIn('dev-ivan')

      const { body } = await backend.call('/user/sessions', { token: first.accessToken })

      expect(body.data.items.map(({ current }: { current: boolean }) => current)).toEqual([false, true])
      expect(body.data.items[0]).toEqual({
        id: expect.any(String),
        current: false,
        device: { id: null, model: null, platform: null },
        lastIp: '203.0.113.7',
        createdAt: expect.any(String),
        lastUsedAt: expect.any(String),
        expiresAt: expect.any(String),
      })
    })

    test('a kicked session ends at once, whichever instance it meets', async () => {
      const kept = await backend.signIn('dev-judy')
      backend.advance(1_000)
      const lost = await backend.signIn('dev-judy')
      await backend.call('/user', { token: lost.accessToken })
      const { body } = await backend.call('/user/sessions', { token: kept.accessToken })

      const kick = await backend.call(`/user/sessions/${body.data.items[0].id}`, {
        method: 'DELETE',
        token: kept.accessToken,
      })

      expect(kick.status).toBe(200)
      expect((await backend.call('/user', { token: lost.accessToken })).body.error).toBe('token_revoked')
      expect((await backend.call('/user', { token: kept.accessToken })).status).toBe(200)
    })

    test("another user's session is not found", async () => {
      const [mine, theirs] = [await backend.signIn('dev-kim'), await backend.signIn('dev-leo')]
      const { body } = await backend.call('/user/sessions', { token: theirs.accessToken })

      const kick = await backend.call(`/user/sessions/${body.data.items[0].id}`, {
        method: 'DELETE',
        token: mine.accessToken,
      })

      expect(kick.status).toBe(404)
      expect((await backend.call('/user', { token: theirs.accessToken })).status).toBe(200)
    })

    test.each([['x'], ["' or 1=1 --"], ['00000000-0000-0000-0000-000000000000']])(
      'session id %s is not found',
      async (id) => {
        const { accessToken: token } = await backend.signIn('dev-kim')

        expect(
          (await backend.call(`/user/sessions/${encodeURIComponent(id)}`, { method: 'DELETE', token }))
            .status,
        ).toBe(404)
      },
    )
  })

  test('the export holds what is kept about the caller and nothing about others', async () => {
    const session = await backend.signIn('dev-mia')
    await bindPhone(session, '13800000006')

    const { body } = await backend.call('/user/export', { token: session.accessToken })

    expect(body.data.user.id).toBe(session.user.id)
    expect(body.data.sessions).toHaveLength(1)
    expect(body.data.audit.map(({ action }: { action: string }) => action)).toEqual(['user.phone_bound'])
    expect(JSON.stringify(body)).not.toMatch(/13800000006|openid|encrypted/i)
  })

  test("the export does not show an admin's address to the user they acted on", async () => {
    const admin = await backend.signIn('dev-admin')
    const session = await backend.signIn('dev-quinn')
    const administered = { method: 'PUT', token: admin.accessToken, body: { roles: ['staff'] } }
    await backend.call(`/users/${session.user.id}`, {
      ...administered,
      invocation: { clientIp: '198.51.100.9' },
    })

    const { body } = await backend.call('/user/export', { token: session.accessToken })

    expect(body.data.audit).toEqual([{ at: expect.any(String), action: 'user.administered', ip: null }])
    expect(JSON.stringify(body)).not.toContain('198.51.100.9')
  })

  describe('account deletion', () => {
    test('ends every session, erases personal data, and leaves an audit row', async () => {
      const session = await backend.signIn('dev-nina')
      const other = await backend.signIn('dev-nina')
      await bindPhone(session, '13800000007')
      await backend.call('/user', { method: 'PUT', token: session.accessToken, body: { nickname: 'Nina' } })
      const { openid } = await rowOf(session)

      const { status } = await backend.call('/user', { method: 'DELETE', token: session.accessToken })

      const row = await rowOf(session)
      const sessions = await (
        await backend.database.sql()
      )
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', row.id)
        .execute()
      const audit = await (
        await backend.database.sql()
      )
        .selectFrom('audit')
        .selectAll()
        .where('subject_id', '=', row.id)
        .execute()
      expect(status).toBe(200)
      expect((await backend.call('/user', { token: session.accessToken })).body.error).toBe('token_revoked')
      expect((await backend.call('/user', { token: other.accessToken })).body.error).toBe('token_revoked')
      expect(
        (await backend.call('/login/refresh', { body: { refreshToken: other.refreshToken } })).status,
      ).toBe(401)
      expect(row).toMatchObject({
        status: 'deleted',
        nickname: null,
        phone_encrypted: null,
        phone_index: null,
        phone_masked: null,
      })
      expect(JSON.stringify([row, sessions, audit])).not.toContain(String(openid))
      expect(JSON.stringify([sessions, audit])).not.toContain('203.0.113.7')
      expect(sessions.map(({ wechat_key_encrypted: key }) => key)).toEqual([null, null])
      expect(audit.map(({ action }) => action)).toContain('user.deleted')
    })

    test("erases the person's addresses from what they did, and keeps an admin's", async () => {
      const admin = await backend.signIn('dev-admin')
      const session = await backend.signIn('dev-ruth')
      const administered = { method: 'PUT', token: admin.accessToken, body: { roles: ['staff'] } }
      await backend.call(`/users/${session.user.id}`, {
        ...administered,
        invocation: { clientIp: '198.51.100.9' },
      })
      await bindPhone(session, '13800000009')

      await backend.call('/user', { method: 'DELETE', token: session.accessToken })

      const rows = await (
        await backend.database.sql()
      )
        .selectFrom('audit')
        .select(['action', 'ip'])
        .where('subject_id', '=', session.user.id)
        .where('action', 'in', ['user.administered', 'user.phone_bound'])
        .orderBy('action')
        .execute()
      expect(rows).toEqual([
        { action: 'user.administered', ip: '198.51.100.9' },
        { action: 'user.phone_bound', ip: null },
      ])
    })

    test('an array is no body, and deletes nothing', async () => {
      const session = await backend.signIn('dev-sybil')

      const { body } = await backend.call('/user', { method: 'DELETE', token: session.accessToken, body: [] })

      expect(body.error).toBe('validation_failed')
      expect((await backend.call('/user', { token: session.accessToken })).status).toBe(200)
    })

    test('the person may come back as a new user', async () => {
      const before = await backend.signIn('dev-oscar')
      await backend.call('/user', { method: 'DELETE', token: before.accessToken })
      backend.advance(11_000)

      const after = await backend.signIn('dev-oscar')

      expect(after.user.id).not.toBe(before.user.id)
    })

    test('needs a fresh login', async () => {
      const session = await backend.signIn('dev-pat')
      backend.advance(301_000)

      const stale = await backend.call('/user', { method: 'DELETE', token: session.accessToken })
      const { code } = backend.wechat.control.mintLoginCode('dev-pat')
      const fresh = await backend.call('/user', {
        method: 'DELETE',
        token: session.accessToken,
        body: { loginCode: code },
      })

      expect([stale.status, stale.body.details]).toEqual([
        403,
        [{ reason: 'fresh_login_required', field: 'loginCode' }],
      ])
      expect(fresh.status).toBe(200)
    })
  })

  describe('administration', () => {
    test('an ordinary user is refused', async () => {
      const { accessToken: token } = await backend.signIn('dev-alice')

      const answers = await Promise.all([
        backend.call('/users', { token }),
        backend.call('/users', { token, body: { nickname: 'x' } }),
        backend.call('/users/search', { token, body: { phone: '+8613800000001' } }),
        backend.call('/users/00000000-0000-7000-8000-000000000000', { method: 'PUT', token, body: {} }),
      ])

      expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403])
    })

    test('pages through all users, each once, newest first', async () => {
      const { accessToken: token } = await backend.signIn('dev-admin')
      for (const name of ['dev-q1', 'dev-q2', 'dev-q3', 'dev-q4', 'dev-q5']) await backend.signIn(name)
      const seen: string[] = []
      let cursor: string | null = ''

      while (cursor !== null) {
        const query: string = cursor === '' ? '' : `&cursor=${cursor}`
        const { body } = await backend.call(`/users?limit=2${query}`, { token })
        expect(body.data.items.length).toBeLessThanOrEqual(2)
        seen.push(...body.data.items.map(({ id }: { id: string }) => id))
        cursor = body.data.nextCursor
      }

      const rows = await (
        await backend.database.sql()
      )
        .selectFrom('users')
        .select('id')
        .orderBy('id', 'desc')
        .execute()
      expect(seen).toEqual(rows.map(({ id }) => id))
    })

    test.each([['limit=0'], ['limit=101'], ['limit=x'], ['cursor=junk'], ['sort=name'], ['limit=1&limit=2']])(
      '?%s is refused',
      async (query) => {
        const { accessToken: token } = await backend.signIn('dev-admin')

        expect((await backend.call(`/users?${query}`, { token })).body.error).toBe('validation_failed')
      },
    )

    test('a user created by an admin is found by phone, and by their first login', async () => {
      const { accessToken: token } = await backend.signIn('dev-admin')
      const { openid } = backend.wechat.control.mintLoginCode('dev-rose')
      const body = { openid, nickname: 'Rose', phone: '+8613800000008', roles: ['staff'] }

      const created = await backend.call('/users', { token, body })
      const found = await backend.call('/users/search', { token, body: { phone: '+8613800000008' } })
      const again = await backend.call('/users', { token, body })
      const signedIn = await backend.signIn('dev-rose')

      expect([created.status, again.status]).toEqual([201, 409])
      expect(found.body.data.items.map(({ id }: { id: string }) => id)).toEqual([created.body.data.id])
      expect(signedIn.user).toMatchObject({ id: created.body.data.id, roles: ['staff'] })
      expect(JSON.stringify(created.body)).not.toContain(openid)
    })

    test('an idempotency key creates once and repeats the answer', async () => {
      const { accessToken: token } = await backend.signIn('dev-admin')
      const headers = { 'idempotency-key': 'create-sam' }
      const create = (nickname: string) => backend.call('/users', { token, headers, body: { nickname } })

      const first = await create('Sam')
      const second = await create('Sam')
      const other = await create('Tom')

      expect(second.body.data).toEqual(first.body.data)
      expect([second.status, other.body.code]).toEqual([201, 40901])
    })

    test('a creation that fails keeps nothing, so the same key can try again', async () => {
      const { accessToken: token } = await backend.signIn('dev-admin')
      const headers = { 'idempotency-key': 'create-zoe' }
      const { openid } = backend.wechat.control.mintLoginCode('dev-zoe')
      const taken = await backend.signIn('dev-zoe')

      const refused = await backend.call('/users', { token, headers, body: { openid } })
      await backend.call('/user', { method: 'DELETE', token: taken.accessToken })
      const created = await backend.call('/users', { token, headers, body: { openid } })

      expect([refused.body.error, created.status]).toEqual(['conflict', 201])
    })

    test('ten creations at once with one key make one user', async () => {
      const { accessToken: token } = await backend.signIn('dev-admin')
      const headers = { 'idempotency-key': 'create-uma' }

      const answers = await Promise.all(
        Array.from({ length: 10 }, () =>
          backend.call('/users', { token, headers, body: { nickname: 'Uma' } }),
        ),
      )

      expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([])
      const rows = await (
        await backend.database.sql()
      )
        .selectFrom('users')
        .select('id')
        .where('nickname', '=', 'Uma')
        .execute()
      expect(rows).toHaveLength(1)
    })

    test('a ban ends every session at once, and readmission lets the user log in again', async () => {
      const { accessToken: token } = await backend.signIn('dev-admin')
      const session = await backend.signIn('dev-victor')
      await backend.call('/user', { token: session.accessToken })
      const administer = (status: string) =>
        backend.call(`/users/${session.user.id}`, { method: 'PUT', token, body: { status } })

      const banned = await administer('banned')
      const refused = await backend.call('/user', { token: session.accessToken })
      await administer('active')

      expect(banned.body.data.status).toBe('banned')
      expect(refused.body.error).toBe('token_revoked')
      expect(
        (await backend.call('/login/refresh', { body: { refreshToken: session.refreshToken } })).status,
      ).toBe(401)
      expect((await backend.signIn('dev-victor')).user.id).toBe(session.user.id)
    })

    test('an admin cannot lock themselves out', async () => {
      const admin = await backend.signIn('dev-admin')

      const { status } = await backend.call(`/users/${admin.user.id}`, {
        method: 'PUT',
        token: admin.accessToken,
        body: { roles: [] },
      })

      expect(status).toBe(409)
    })

    test('an unknown or deleted user is not found', async () => {
      const { accessToken: token } = await backend.signIn('dev-admin')
      const gone = await backend.signIn('dev-walter')
      await backend.call('/user', { method: 'DELETE', token: gone.accessToken })
      const put = (id: string) =>
        backend.call(`/users/${id}`, { method: 'PUT', token, body: { status: 'active' } })

      expect((await put(gone.user.id)).status).toBe(404)
      expect((await put('nonsense')).status).toBe(404)
    })
  })
})
