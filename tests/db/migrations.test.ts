import { describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import type { Dialect } from '#shared/db/database.ts'
import { accounts } from '#shared/db/migrations/0001-accounts.ts'
import { migrations } from '#shared/db/migrations/migrations.ts'
import type { Migration } from '#shared/db/migrations/table.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { migrate, migrationStatus } from '#scripts/migrate.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { emptyDatabase } from '#tests/services/test-database.ts'

const NAMES = migrations.map(({ name }) => name)

/** A step that fails halfway: its first statement works. */
const broken: Migration = {
  name: '9999-broken',
  statements: () => ['create table halfway (id integer)', 'create nonsense'],
}

function suite(dialect: Dialect): void {
  async function withEmpty(work: (url: URL) => Promise<void>): Promise<void> {
    const made = await emptyDatabase(dialect)
    try {
      await work(made.url)
    } finally {
      await made.close()
    }
  }

  test('an empty database gets every step, and the status says so before and after', () =>
    withEmpty(async (url) => {
      const before = await migrationStatus({ url })
      const applied = await migrate({ url })
      const after = await migrationStatus({ url })

      expect(before).toEqual(NAMES.map((name) => ({ name, isApplied: false })))
      expect(applied).toEqual(NAMES)
      expect(after).toEqual(NAMES.map((name) => ({ name, isApplied: true })))
    }))

  test('a filled database keeps its rows and gets only what it lacks', () =>
    withEmpty(async (url) => {
      await migrate({ url, migrations: [accounts] })
      await query(
        url,
        "insert into audit (id, at, action, details) values ('0190a0a0-0000-7000-8000-000000000001', '2026-11-23 01:02:03', 'kept', '{}')",
      )

      const applied = await migrate({ url })

      expect(applied).toEqual(NAMES.slice(1))
      expect(await query(url, 'select action from audit')).toEqual([{ action: 'kept' }])
    }))

  test('two runs at once wait for each other, and each step is applied once', () =>
    withEmpty(async (url) => {
      const runs = await Promise.all([migrate({ url }), migrate({ url }), migrate({ url })])

      expect(runs.flat().sort()).toEqual(NAMES)
    }))

  test('a database of a newer version is refused and left alone', () =>
    withEmpty(async (url) => {
      const future: Migration = {
        name: '9000-future',
        statements: () => ['create table future (id integer)'],
      }
      await migrate({ url, migrations: [future] })

      await expect(migrate({ url })).rejects.toThrow('does not know 9000-future')

      expect(await migrationStatus({ url })).toContainEqual({ name: '0001-accounts', isApplied: false })
    }))

  test('a step that fails is not counted as applied', () =>
    withEmpty(async (url) => {
      await expect(migrate({ url, migrations: [...migrations, broken] })).rejects.toThrow()

      expect(await migrationStatus({ url, migrations: [broken] })).toContainEqual({
        name: '9999-broken',
        isApplied: false,
      })
    }))
}

async function query(url: URL, text: string): Promise<unknown> {
  const database = openDatabase({ url, poolSize: 1 })
  try {
    return (await sql.raw(text).execute(await database.sql())).rows
  } finally {
    await database.close()
  }
}

describe('migrations on PostgreSQL', () => {
  suite('postgres')

  test('a step that fails takes the ones before it back', async () => {
    const made = await emptyDatabase('postgres')

    await expect(migrate({ url: made.url, migrations: [...migrations, broken] })).rejects.toThrow()

    expect(await query(made.url, "select 1 from pg_tables where tablename in ('users', 'halfway')")).toEqual(
      [],
    )
    await made.close()
  })
})

describeWith(['mariadb'], 'migrations on MariaDB', () => {
  suite('mysql')

  test('every step may be repeated, since one that died before it was noted is', async () => {
    const made = await emptyDatabase('mysql')
    await migrate({ url: made.url })
    await query(made.url, 'delete from schema_migrations')

    expect(await migrate({ url: made.url })).toEqual(NAMES)
    await made.close()
  })
})
