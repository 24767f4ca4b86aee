import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Database, Dialect } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { findSessionAndUser } from '#shared/db/tables/session-and-user.ts'
import { findSession, insertSession, type SessionRow } from '#shared/db/tables/sessions.ts'
import { findUser, newUser } from '#shared/db/tables/users.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { testDatabase, type TestDatabase } from '#tests/services/test-database.ts'

const { signal } = new AbortController()
const now = new Date('2026-11-23T01:02:03.004Z')

describe('on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let made: TestDatabase
  let database: Database

  beforeAll(async () => {
    made = await testDatabase(dialect)
    database = openDatabase({ url: made.url, poolSize: 2 })
  })
  afterAll(async () => {
    await database.close()
    await made.close()
  })

  /** A session that has something in every column, of a user who has, too; unless they shall be bare. */
  async function signedIn({ isBare }: { readonly isBare: boolean }): Promise<SessionRow> {
    const person = isBare ? {} : fullPerson()
    const user = newUser({ appId: 'wx1', now: new Date('2026-11-22T23:59:59.999Z'), epoch: 7, ...person })
    const session = { ...bareSession(user.id), ...(isBare ? {} : FULL_SESSION) }
    const sql = await database.sql()
    await sql.insertInto('users').values(user).execute({ signal })
    await insertSession(sql, session, signal)
    return session
  }

  test.each([
    ['every column filled', { isBare: false }],
    ['every column empty that may be', { isBare: true }],
  ])('a session and its user come as they would apart, with %s', async (_, kind) => {
    const session = await signedIn(kind)
    const sql = await database.sql()

    const found = await findSessionAndUser(database, session.id, signal)

    expect(found?.row).toEqual(await findSession(sql, session.id, signal))
    expect(found?.row).toEqual({ ...session, user_status: 'active', user_epoch: 7 })
    expect(found?.user).toEqual(await findUser(sql, session.user_id, signal))
  })

  test('a session that never was is not found', async () => {
    await signedIn({ isBare: true })

    expect(await findSessionAndUser(database, randomUUID(), signal)).toBeUndefined()
  })

  test('the row of another session is never the answer', async () => {
    const [one, other] = [await signedIn({ isBare: true }), await signedIn({ isBare: true })]

    const found = await findSessionAndUser(database, one.id, signal)

    expect([found?.row.id, found?.user.id]).toEqual([one.id, one.user_id])
    expect(found?.user.id).not.toBe(other.user_id)
  })

  test('a call whose time is up reads nothing', async () => {
    const { id } = await signedIn({ isBare: true })

    const reading = findSessionAndUser(database, id, AbortSignal.abort(new RangeError('too late')))

    await expect(reading).rejects.toThrow('too late')
  })
}

function fullPerson() {
  return {
    openid: `o-${randomUUID()}`,
    unionid: 'u-1',
    nickname: '小函 😀 \'"\\ %',
    avatar_file_id: randomUUID(),
    gender: 'female',
    locale: 'zh-CN',
    roles: 'admin,editor',
    phone_encrypted: 'sealed',
    phone_index: 'f'.repeat(64),
    phone_masked: '138******01',
    deleted_at: new Date('1999-12-31T23:59:59.999Z'),
  } as const
}

const FULL_SESSION = {
  wechat_key_encrypted: 'sealed-key',
  device_id: 'd-1',
  device_model: 'iPhone 17 专业版',
  device_platform: 'ios',
  last_ip: '2001:db8::1',
  revoked_at: new Date('2026-11-23T02:00:00.001Z'),
  revoked_reason: 'kicked',
} as const

function bareSession(userId: string): SessionRow {
  return {
    id: randomUUID(),
    user_id: userId,
    counter: 3,
    key_encrypted: 'sealed',
    wechat_key_encrypted: null,
    epoch: 7,
    device_id: null,
    device_model: null,
    device_platform: null,
    last_ip: null,
    created_at: now,
    rotated_at: new Date('2026-11-23T01:02:03.005Z'),
    idle_expires_at: new Date('2026-12-23T01:02:03.004Z'),
    expires_at: new Date('2027-02-21T01:02:03.004Z'),
    revoked_at: null,
    revoked_reason: null,
  }
}
