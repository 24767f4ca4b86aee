import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Kysely, sql } from 'kysely'
import { readEnvironment } from '#scripts/dev/environment.ts'
import { errorText } from '#scripts/error-text.ts'
import type { Database } from '#shared/db/database.ts'
import { migrations as known } from '#shared/db/migrations/migrations.ts'
import type { Migration } from '#shared/db/migrations/table.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { Schema } from '#shared/db/schema.ts'

export interface MigrateOptions {
  readonly url: URL
  readonly log?: (line: string) => void
  /** All of them unless given. */
  readonly migrations?: readonly Migration[]
}

export interface MigrationState {
  readonly name: string
  readonly isApplied: boolean
}

const HELP = `Usage: npm run migrate [-- --status]

Brings the schema of the database at DATABASE_URL (environment, else .env) up to date. Two runs at once wait for each other.

  --status  only say which steps are applied
  --help    show this`

const ENV_FILE = join(import.meta.dirname, '..', '.env')
const STATEMENT_MS = 60 * 60_000
const LOCK_WAIT_S = 120
/** Any number will do, as long as every version of this program uses the same. */
const LOCK = 7_235_991_406

/**
 * Applies the steps that the database lacks, and names them. In PostgreSQL all of them or none.
 *
 * @throws Error when the database has steps that this version does not know.
 */
export async function migrate({
  url,
  log = () => {},
  migrations = known,
}: MigrateOptions): Promise<readonly string[]> {
  const database = openDatabase({ url, poolSize: 1, statementMs: STATEMENT_MS })
  try {
    return await locked(database, async (connection) => {
      const pending = await pendingOf(connection, migrations)
      for (const { name, statements } of pending) {
        log(`applying ${name}`)
        for (const statement of statements(database.dialect)) await sql.raw(statement).execute(connection)
        await sql`insert into schema_migrations (name, applied_at) values (${name}, ${new Date()})`.execute(
          connection,
        )
      }
      return pending.map(({ name }) => name)
    })
  } finally {
    await database.close()
  }
}

/** Which steps the database has. */
export async function migrationStatus({
  url,
  migrations = known,
}: MigrateOptions): Promise<readonly MigrationState[]> {
  const database = openDatabase({ url, poolSize: 1 })
  try {
    const applied = await appliedNames(await database.sql()).catch((error: unknown): readonly string[] => {
      if (isMissingTable(error)) return []
      throw error
    })
    const names = new Set([...migrations.map(({ name }) => name), ...applied])
    return [...names].sort().map((name) => ({ name, isApplied: applied.includes(name) }))
  } finally {
    await database.close()
  }
}

type Connection = Kysely<Schema>

/** Runs `work` while no other migration runs. PostgreSQL undoes everything when it fails; MySQL cannot. */
async function locked<T>(database: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
  if (database.dialect === 'postgres') {
    return (await database.sql()).transaction().execute(async (transaction) => {
      await sql`select set_config('lock_timeout', ${`${LOCK_WAIT_S}s`}, true)`.execute(transaction)
      await sql`select pg_advisory_xact_lock(${LOCK})`.execute(transaction)
      return work(transaction)
    })
  }
  return (await database.sql()).connection().execute(async (connection) => {
    const { rows } = await sql<{
      got: number | null
    }>`select get_lock(${String(LOCK)}, ${LOCK_WAIT_S}) as got`.execute(connection)
    if (Number(rows[0]?.got) !== 1)
      throw new Error(`Cannot migrate: another migration holds the lock for ${LOCK_WAIT_S} s`)
    try {
      return await work(connection)
    } finally {
      await sql`do release_lock(${String(LOCK)})`.execute(connection)
    }
  })
}

async function pendingOf(
  connection: Connection,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const columns = 'name varchar(64) primary key, applied_at timestamp not null'
  await sql.raw(`create table if not exists schema_migrations (${columns})`).execute(connection)
  const applied = await appliedNames(connection)
  const unknown = applied.filter((name) => !migrations.some((migration) => migration.name === name))
  if (unknown.length > 0) {
    throw new Error(
      `Cannot migrate: the database is newer than this version, which does not know ${unknown.join(', ')}`,
    )
  }
  return migrations.filter(({ name }) => !applied.includes(name))
}

async function appliedNames(connection: Connection): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from schema_migrations order by name`.execute(
    connection,
  )
  return rows.map(({ name }) => name)
}

function isMissingTable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === '42P01') || ('errno' in error && error.errno === 1146)
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { status: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help === true) {
    console.log(HELP)
    return
  }
  const text = readEnvironment(process.env, ENV_FILE)['DATABASE_URL'] ?? ''
  if (!URL.canParse(text))
    throw new Error(
      'Cannot migrate: DATABASE_URL is missing, in the environment and in .env, or is not a URL',
    )
  const url = new URL(text)
  if (values.status === true) {
    for (const { name, isApplied } of await migrationStatus({ url }))
      console.log(`${isApplied ? 'applied' : 'pending'}  ${name}`)
    return
  }
  const applied = await migrate({ url, log: (line) => console.log(line) })
  console.log(
    applied.length === 0
      ? 'The schema is up to date.'
      : `Applied ${applied.length} of ${known.length} steps.`,
  )
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(errorText(error))
    process.exitCode = 1
  })
}
