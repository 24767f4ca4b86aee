import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '#tests/backend.ts'

const DAY_MS = 86_400_000

describe.each(['postgres', 'mysql'] as const)('sessions on %s', (dialect) => {
  let backend: Backend

  beforeAll(async () => {
    backend = await startBackend({ dialect })
  })
  afterAll(() => backend.close())
  beforeEach(() => {
    backend.state.failing = false
  })

  function refresh(refreshToken: string) {
    return backend.call('/login/refresh', { body: { refreshToken } })
  }

  test('a refresh gives a new pair, and the session goes on', async () => {
    const session = await backend.signIn('dev-alice')

    const { status, body } = await refresh(session.refreshToken)

    expect(status).toBe(200)
    expect(body.data.refreshToken).not.toBe(session.refreshToken)
    expect(body.data.signing.key).not.toBe(session.signing.key)
    expect(body.data.user.id).toBe(session.user.id)
    expect((await backend.call('/user', { token: body.data.accessToken })).status).toBe(200)
  })

  test('fifty refreshes at once with one token step once and all get the same token', async () => {
    const session = await backend.signIn('dev-bob')

    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(session.refreshToken)))

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ body }) => body.data.refreshToken)).size).toBe(1)
    expect((await refresh(answers[0]?.body.data.refreshToken)).status).toBe(200)
  })

  test('the former token gives the current one for 60 seconds, for answers that were lost', async () => {
    const session = await backend.signIn('dev-carol')
    const first = await refresh(session.refreshToken)
    backend.advance(59_000)

    const again = await refresh(session.refreshToken)

    expect(again.body.data.refreshToken).toBe(first.body.data.refreshToken)
  })

  test('the former token after 60 seconds was stolen: the whole session ends', async () => {
    const session = await backend.signIn('dev-dora')
    const { body: next } = await refresh(session.refreshToken)
    backend.advance(61_000)

    const reused = await refresh(session.refreshToken)

    expect([reused.status, reused.body.error]).toEqual([401, 'token_revoked'])
    expect((await refresh(next.data.refreshToken)).body.error).toBe('token_revoked')
    expect((await backend.call('/user', { token: next.data.accessToken })).body.error).toBe('token_revoked')
    const audit = await (
      await backend.database.sql()
    )
      .selectFrom('audit')
      .selectAll()
      .where('action', '=', 'session.reused')
      .where('subject_id', '=', session.user.id)
      .execute()
    expect(audit).toHaveLength(1)
  })

  test('a token two steps behind ends the session even within the 60 seconds', async () => {
    const session = await backend.signIn('dev-eve')
    const { body: second } = await refresh(session.refreshToken)
    const { body: third } = await refresh(second.data.refreshToken)

    const reused = await refresh(session.refreshToken)

    expect(reused.body.error).toBe('token_revoked')
    expect((await refresh(third.data.refreshToken)).body.error).toBe('token_revoked')
  })

  test('an idle session ends after 30 days, a used one after 90', async () => {
    const idle = await backend.signIn('dev-frank')
    let used = (await backend.signIn('dev-frank')).refreshToken
    for (let day = 0; day < 87; day += 29) {
      backend.advance(29 * DAY_MS)
      used = (await refresh(used)).body.data.refreshToken
    }

    const idleAnswer = await refresh(idle.refreshToken)
    backend.advance(4 * DAY_MS)
    const usedAnswer = await refresh(used)

    expect(idleAnswer.body.error).toBe('token_expired')
    expect(usedAnswer.body.error).toBe('token_expired')
  })

  test.each([
    ['an access token', async () => (await backend.signIn('dev-grace')).accessToken],
    ['junk', async () => 'junk'],
    [
      'a token with one character changed',
      async () =>
        (await backend.signIn('dev-grace')).refreshToken.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    ],
  ])('%s is not a refresh token', async (_, token) => {
    const { status, body } = await refresh(await token())

    expect([status, body.error]).toEqual([401, 'unauthenticated'])
  })

  test('a refresh token is not an access token', async () => {
    const { refreshToken } = await backend.signIn('dev-grace')

    expect((await backend.call('/user', { token: refreshToken })).body.error).toBe('unauthenticated')
  })

  test('after logout the access and the refresh token are refused at once', async () => {
    const session = await backend.signIn('dev-heidi')
    const other = await backend.signIn('dev-heidi')
    await backend.call('/user', { token: session.accessToken })

    const out = await backend.call('/logout', { method: 'POST', token: session.accessToken })

    expect(out.status).toBe(200)
    expect((await backend.call('/user', { token: session.accessToken })).body.error).toBe('token_revoked')
    expect((await refresh(session.refreshToken)).body.error).toBe('token_revoked')
    expect((await backend.call('/user', { token: other.accessToken })).status).toBe(200)
  })

  test('logout everywhere ends every session of the user and nobody else', async () => {
    const [one, two, stranger] = [
      await backend.signIn('dev-ivan'),
      await backend.signIn('dev-ivan'),
      await backend.signIn('dev-judy'),
    ]
    await backend.call('/user', { token: two.accessToken })

    await backend.call('/logout', { token: one.accessToken, body: { everywhere: true } })

    expect((await backend.call('/user', { token: one.accessToken })).body.error).toBe('token_revoked')
    expect((await backend.call('/user', { token: two.accessToken })).body.error).toBe('token_revoked')
    expect((await refresh(two.refreshToken)).body.error).toBe('token_revoked')
    expect((await backend.call('/user', { token: stranger.accessToken })).status).toBe(200)
    expect(
      (await backend.call('/user', { token: (await backend.signIn('dev-ivan')).accessToken })).status,
    ).toBe(200)
  })

  test('a lost state store lets nobody in: the database decides', async () => {
    const session = await backend.signIn('dev-kim')
    await backend.call('/logout', { method: 'POST', token: session.accessToken })
    backend.state.failing = true

    const { body } = await backend.call('/user', { token: session.accessToken })

    expect(body.error).toBe('token_revoked')
  })

  test('a logout while the state store is down holds while it is down', async () => {
    const session = await backend.signIn('dev-leo')
    backend.state.failing = true

    await backend.call('/logout', { method: 'POST', token: session.accessToken })

    expect((await backend.call('/user', { token: session.accessToken })).body.error).toBe('token_revoked')
  })

  test('a sign-out that the state store never hears of is seen at once where the database is read', async () => {
    const session = await backend.signIn('dev-nora')
    await backend.call('/logout', { token: session.accessToken, body: { everywhere: false } })
    const next = await backend.signIn('dev-nora')
    const out = { method: 'POST', token: next.accessToken }
    backend.state.failing = true
    await backend.call('/logout', out)
    backend.state.failing = false

    expect((await backend.call('/user', { token: next.accessToken })).body.error).toBe('token_revoked')
  })

  test('every instance refuses an expired access token and accepts the refreshed one', async () => {
    const session = await backend.signIn('dev-mia')
    backend.advance(606_000)

    const expired = await backend.call('/user', { token: session.accessToken })
    const { body } = await refresh(session.refreshToken)

    expect([expired.status, expired.body.error]).toEqual([401, 'token_expired'])
    expect((await backend.call('/user', { token: body.data.accessToken })).status).toBe(200)
  })
})
