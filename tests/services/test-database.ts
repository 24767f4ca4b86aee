import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Database, Dialect } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { migrate } from '#scripts/migrate.ts'
import { mysqlUrl, postgresUrl } from './servers.ts'

export interface TestDatabase {
  readonly url: URL
  /** Drops it. Close what uses it first. */
  close(): Promise<void>
}

const TEMPLATE = 'xiaohan_template'
const LOCK = 4_412_907

/** A database of the caller's own with the whole schema, and nothing in it. */
export function testDatabase(dialect: Dialect): Promise<TestDatabase> {
  return dialect === 'postgres' ? postgresDatabase(true) : mysqlDatabase(true)
}

/** A database without a schema, for what makes one. */
export function emptyDatabase(dialect: Dialect): Promise<TestDatabase> {
  return dialect === 'postgres' ? postgresDatabase(false) : mysqlDatabase(false)
}

async function postgresDatabase(isMigrated: boolean): Promise<TestDatabase> {
  const admin = new URL(await postgresUrl())
  const name = freshName()
  const url = databaseUrl(admin, name)
  await withAdmin(admin, async (database) => {
    if (isMigrated) await makeTemplate(database, admin)
    await sql
      .raw(`create database ${name} ${isMigrated ? `template ${TEMPLATE}` : ''}`)
      .execute(await database.sql())
  })
  return { url, close: () => withAdmin(admin, (database) => drop(database, `${name} with (force)`)) }
}

/** Copying a database takes 20 ms; migrating each would take more, and must happen somewhere once. */
async function makeTemplate(database: Database, admin: URL): Promise<void> {
  await (await database.sql()).connection().execute(async (locked) => {
    await sql`select pg_advisory_lock(${LOCK})`.execute(locked)
    const { rows } = await sql`select 1 from pg_database where datname = ${TEMPLATE}`.execute(locked)
    if (rows.length === 0) {
      await sql.raw(`create database ${TEMPLATE}_draft`).execute(locked)
      await migrate({ url: databaseUrl(admin, `${TEMPLATE}_draft`) })
      await sql.raw(`alter database ${TEMPLATE}_draft rename to ${TEMPLATE}`).execute(locked)
    }
    await sql`select pg_advisory_unlock(${LOCK})`.execute(locked)
  })
}

async function mysqlDatabase(isMigrated: boolean): Promise<TestDatabase> {
  const admin = new URL(await mysqlUrl())
  const name = freshName()
  const url = databaseUrl(admin, name)
  await withAdmin(admin, async (database) => {
    await sql
      .raw(`create database ${name} character set utf8mb4 collate utf8mb4_bin`)
      .execute(await database.sql())
  })
  if (isMigrated) await migrate({ url })
  return { url, close: () => withAdmin(admin, (database) => drop(database, name)) }
}

async function withAdmin(url: URL, work: (database: Database) => Promise<void>): Promise<void> {
  const database = openDatabase({ url, poolSize: 1, statementMs: 30_000 })
  try {
    await work(database)
  } finally {
    await database.close()
  }
}

async function drop(database: Database, name: string): Promise<void> {
  await sql.raw(`drop database ${name}`).execute(await database.sql())
}

function freshName(): string {
  return `test_${randomBytes(8).toString('hex')}`
}

function databaseUrl(admin: URL, name: string): URL {
  const url = new URL(admin)
  url.pathname = `/${name}`
  return url
}
