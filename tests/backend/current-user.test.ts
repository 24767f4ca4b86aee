import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { UserChange } from '#shared/db/tables/users.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'

const REFUSED = [200, 401, 'token_revoked']

describe.each(['postgres', 'mysql'] as const)('who makes a request, on %s', (dialect) => {
  let backend: Backend

  beforeAll(async () => {
    backend = await startBackend({ dialect })
  })
  afterAll(() => backend.close())

  /** What GET /user answers before and after the rows change without a word to the state store. */
  async function answersAround(change: (session: SignedIn) => Promise<unknown>) {
    const session = await backend.signIn(`dev-${randomUUID()}`)
    const { accessToken: token } = session
    const before = await backend.call('/user', { token })
    await change(session)
    const after = await backend.call('/user', { token })
    return [before.status, after.status, after.body.error]
  }

  async function changeUser({ user }: SignedIn, change: UserChange) {
    const sql = await backend.database.sql()
    await sql.updateTable('users').set(change).where('id', '=', user.id).execute()
  }

  async function changeSessions({ user }: SignedIn, change: Readonly<Record<string, Date | string>>) {
    const sql = await backend.database.sql()
    await sql.updateTable('sessions').set(change).where('user_id', '=', user.id).execute()
  }

  test.each([
    ['is banned', { status: 'banned' }],
    ['is deleted', { status: 'deleted' }],
    ['has no openid', { openid: null }],
    ['was signed out everywhere', { epoch: 1 }],
  ] as const)('a user who %s is refused at the next call', async (_, change) => {
    expect(await answersAround((session) => changeUser(session, change))).toEqual(REFUSED)
  })

  test.each([
    ['was ended', () => ({ revoked_at: new Date(backend.now()), revoked_reason: 'kicked' })],
    ['has run out', () => ({ expires_at: new Date(backend.now()) })],
    ['was idle for too long', () => ({ idle_expires_at: new Date(backend.now()) })],
  ] as const)('a session that %s is refused at the next call', async (_, change) => {
    expect(await answersAround((session) => changeSessions(session, change()))).toEqual(REFUSED)
  })

  test('a session that has become another user’s serves neither', async () => {
    const { user: other } = await backend.signIn('dev-bob')

    const answers = await answersAround((session) => changeSessions(session, { user_id: other.id }))

    expect(answers).toEqual(REFUSED)
  })
})
