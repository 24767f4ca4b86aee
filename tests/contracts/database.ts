import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { CompiledQuery, type Insertable, sql } from 'kysely'
import type { Database, Dialect } from '#shared/db/database.ts'
import { isUniqueViolation } from '#shared/db/is-unique-violation.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { UsersTable } from '#shared/db/tables/users.ts'
import { uuidv7 } from '#shared/ids.ts'
import { testDatabase, type TestDatabase } from '#tests/services/test-database.ts'

const signal = new AbortController().signal

type NewUser = Insertable<UsersTable>

function newUser(change: Partial<NewUser> = {}): NewUser {
  const now = new Date('2026-11-23T01:02:03.004Z')
  return {
    id: uuidv7(Date.now()),
    app_id: 'wx1',
    openid: null,
    unionid: null,
    status: 'active',
    epoch: 1,
    nickname: null,
    avatar_file_id: null,
    gender: 'unknown',
    locale: null,
    roles: '',
    phone_encrypted: null,
    phone_index: null,
    phone_masked: null,
    created_at: now,
    updated_at: now,
    deleted_at: null,
    ...change,
  }
}

/** What a database does, whichever server it is on. Call it inside a `describe`. */
export function databaseSuite(dialect: Dialect): void {
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

  const insert = async (user: NewUser) =>
    (await database.sql()).insertInto('users').values(user).execute({ signal })
  const find = async (id: string) =>
    (await database.sql()).selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst({ signal })

  test('a row comes back as it was written: times to the millisecond, nulls, and any character', async () => {
    const user = newUser({
      openid: 'o-Case',
      nickname: '小函 😀 \'"\\ %',
      deleted_at: new Date('1999-12-31T23:59:59.999Z'),
    })

    await insert(user)

    expect(await find(user.id)).toEqual(user)
  })

  test('values never become SQL', async () => {
    const user = newUser({ nickname: "x', status = 'banned', roles = '" })
    await insert(user)

    // What a client could send where a text is expected.
    const hostile = { id: 1 } as unknown as string
    const found = await (
      await database.sql()
    )
      .selectFrom('users')
      .selectAll()
      .where('nickname', '=', hostile)
      .execute({ signal })

    expect(found).toEqual([])
    expect(await find(user.id)).toMatchObject({ status: 'active' })
  })

  test('openids that differ in case alone are two', async () => {
    await insert(newUser({ openid: 'oAbC' }))

    await insert(newUser({ openid: 'oabc' }))

    const found = await (
      await database.sql()
    )
      .selectFrom('users')
      .select('openid')
      .where('openid', '=', 'oabc')
      .execute({ signal })
    expect(found).toEqual([{ openid: 'oabc' }])
  })

  test('a second user with the same openid is a unique violation', async () => {
    await insert(newUser({ openid: 'twice' }))

    const error = await insert(newUser({ openid: 'twice' })).catch((error: unknown) => error)

    expect(isUniqueViolation(error)).toBe(true)
    expect(isUniqueViolation(new Error('other'))).toBe(false)
  })

  test('users without an openid do not exclude each other', async () => {
    await insert(newUser())

    await expect(insert(newUser())).resolves.toHaveLength(1)
  })

  test('an update counts the rows it found, changed or not', async () => {
    const user = newUser()
    await insert(user)
    const update = async (epoch: number) =>
      (await database.sql())
        .updateTable('users')
        .set({ epoch: 1 })
        .where('id', '=', user.id)
        .where('epoch', '=', epoch)

    const same = await (await update(1)).executeTakeFirst({ signal })
    const none = await (await update(7)).executeTakeFirst({ signal })

    expect([same.numUpdatedRows, none.numUpdatedRows]).toEqual([1n, 0n])
  })

  test('of parallel compare-and-set updates exactly one finds the row', async () => {
    const user = newUser()
    await insert(user)

    const results = await Promise.all(
      Array.from({ length: 20 }, async () =>
        (await database.sql())
          .updateTable('users')
          .set({ epoch: 2 })
          .where('id', '=', user.id)
          .where('epoch', '=', 1)
          .executeTakeFirst({ signal }),
      ),
    )

    expect(results.filter(({ numUpdatedRows }) => numUpdatedRows === 1n)).toHaveLength(1)
  })

  test('a transaction that throws leaves nothing behind, and throws the same', async () => {
    const user = newUser()
    const mistake = new Error('mistake')

    const result = (await database.sql()).transaction().execute(async (transaction) => {
      await transaction.insertInto('users').values(user).execute({ signal })
      throw mistake
    })

    await expect(result).rejects.toBe(mistake)
    expect(await find(user.id)).toBeUndefined()
  })

  test('a transaction that ends is there for everyone', async () => {
    const user = newUser()

    await (await database.sql()).transaction().execute(async (transaction) => {
      await transaction.insertInto('users').values(user).execute({ signal })
    })

    expect(await find(user.id)).toMatchObject({ id: user.id })
  })

  test('a signal that ends stops the wait at once with its own reason, and the next query works', async () => {
    const single = openDatabase({ url: made.url, poolSize: 1 })
    await single.warm(signal)
    const controller = new AbortController()
    const reason = new Error('the client left')
    const startedAt = performance.now()
    const slow = (await single.sql()).executeQuery(sleepQuery(dialect, 4), { signal: controller.signal })

    controller.abort(reason)

    await expect(slow).rejects.toBe(reason)
    await (await single.sql()).executeQuery(CompiledQuery.raw('select 1'), { signal })
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    await single.close()
  })

  test('a statement that takes too long ends as unavailable, and its connection goes on', async () => {
    const impatient = openDatabase({ url: made.url, poolSize: 1, statementMs: 500 })
    const startedAt = performance.now()

    const slow = (await impatient.sql()).executeQuery(sleepQuery(dialect, 4), { signal })

    await expect(slow).rejects.toMatchObject({ error: 'unavailable', retryAfterS: 1 })
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    await impatient.warm(signal)
    await impatient.close()
  })

  test('who waits longer than 2 s for a connection is told that it is unavailable', async () => {
    const single = openDatabase({ url: made.url, poolSize: 1 })
    const busy = single.query(sleepQuery(dialect, 3).sql, [], signal)

    await expect(single.warm(signal)).rejects.toMatchObject({ error: 'unavailable' })

    await busy
    await single.warm(signal)
    await single.close()
  })

  test('a mistake in a statement is not called unavailable', async () => {
    const error = await sql`select nonsense from nowhere`
      .execute(await database.sql())
      .catch((error: unknown) => error)

    expect(error).toBeInstanceOf(Error)
    expect(error).not.toMatchObject({ error: 'unavailable' })
  })

  test('a closed database refuses', async () => {
    const closed = openDatabase({ url: made.url, poolSize: 1 })
    await closed.warm(signal)
    await closed.close()

    await expect(closed.warm(signal)).rejects.toMatchObject({ error: 'unavailable' })
  })
}

/** A statement that does nothing for some seconds. MariaDB's limit does not reach `sleep`, so ours has to. */
function sleepQuery(dialect: Dialect, seconds: number): CompiledQuery {
  return CompiledQuery.raw(`select ${dialect === 'postgres' ? 'pg_sleep' : 'sleep'}(${seconds})`)
}
