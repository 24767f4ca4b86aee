import type { DatabaseIntrospector, Dialect as KyselyDialect } from 'kysely'
import { type Clock, systemClock } from '#shared/clock.ts'
import { abandonable } from '#shared/deadline.ts'
import { once } from '#shared/once.ts'
import { noTrace, type Tracer } from '#shared/telemetry/tracer.ts'
import type { Database, Dialect, Queries } from './database.ts'
import type * as kyselyModule from './drivers/kysely.ts'
import { createDriver, type DriverOptions, statement } from './driver.ts'
import { LIMITS, type LinkDriver } from './link.ts'
import { mysqlBegin, mysqlLinks } from './mysql.ts'
import { createPool } from './pool.ts'
import { postgresBegin, postgresLinks } from './postgres.ts'
import type { Schema } from './schema.ts'

export interface DatabaseOptions {
  /** `postgres:`, `postgresql:`, `mysql:` or `mariadb:`. */
  readonly url: URL
  /** Connections at most: 1 where an instance serves one request at a time, else 2. */
  readonly poolSize: number
  readonly clock?: Clock
  /** For one statement; 4 s unless given. Migrations need longer. */
  readonly statementMs?: number
  /** Follows statements; nobody does unless given. */
  readonly tracer?: Tracer | undefined
}

interface Server {
  readonly dialect: Dialect
  /** As OpenTelemetry names it. */
  readonly system: string
  readonly begin: DriverOptions['begin']
  readonly links: (url: URL, statementMs: number) => LinkDriver
  /** What the query builder needs to know of it. */
  readonly grammar: (
    kysely: typeof kyselyModule,
  ) => Pick<KyselyDialect, 'createQueryCompiler' | 'createAdapter'>
}

const POSTGRES: Server = {
  dialect: 'postgres',
  system: 'postgresql',
  begin: postgresBegin,
  links: postgresLinks,
  grammar: ({ PostgresAdapter, PostgresQueryCompiler }) => ({
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }),
}
const MYSQL: Server = {
  dialect: 'mysql',
  system: 'mysql',
  begin: mysqlBegin,
  links: mysqlLinks,
  grammar: ({ MysqlAdapter, MysqlQueryCompiler }) => ({
    createAdapter: () => new MysqlAdapter(),
    createQueryCompiler: () => new MysqlQueryCompiler(),
  }),
}

const SERVERS: Readonly<Record<string, Server>> = {
  'postgres:': POSTGRES,
  'postgresql:': POSTGRES,
  'mysql:': MYSQL,
  'mariadb:': MYSQL,
}

/** The schemes a database URL may have, for reading the configuration. */
export const DATABASE_SCHEMES: readonly string[] = Object.keys(SERVERS).map((scheme) => scheme.slice(0, -1))

/**
 * A database that connects on first use. No call hangs beyond 4 s, and after a failure the next call tries anew.
 *
 * @throws TypeError for any other scheme.
 */
export function openDatabase({
  url,
  poolSize,
  clock = systemClock,
  statementMs = LIMITS.statementMs,
  tracer = noTrace,
}: DatabaseOptions): Database {
  const server = serverOf(url)
  const links = server.links(url, statementMs)
  const pool = createPool(links, poolSize, clock)
  const driver = createDriver({
    begin: server.begin,
    links,
    pool,
    statementMs,
    tracer,
    system: server.system,
  })

  async function loadBuilder(): Promise<Queries> {
    const kysely = await import('./drivers/kysely.ts')
    return new kysely.Kysely<Schema>({
      dialect: { ...server.grammar(kysely), createDriver: () => driver, createIntrospector: introspect },
    })
  }

  async function run(text: string, values: readonly unknown[], signal: AbortSignal) {
    const connection = await driver.acquireConnection({ signal })
    try {
      const { rows } = await connection.executeQuery(statement(text, values), { signal })
      return rows as readonly Readonly<Record<string, unknown>>[] // Both drivers make an object of each row.
    } finally {
      await driver.releaseConnection(connection)
    }
  }

  async function query(text: string, values: readonly unknown[], signal: AbortSignal) {
    signal.throwIfAborted()
    return abandonable(run(text, values, signal), signal)
  }

  const sql = once(loadBuilder)

  return {
    dialect: server.dialect,
    sql,
    query,
    async warm(signal) {
      await Promise.all([sql(), query('select 1', [], signal)])
    },
    // Not kysely's `destroy()`, which does nothing before the first query and would not refuse the ones after it.
    close: () => pool.close(),
  }
}

function serverOf({ protocol }: URL): Server {
  const server = SERVERS[protocol]
  if (server === undefined)
    throw new TypeError(`Cannot open the database: its URL must begin with ${DATABASE_SCHEMES.join(', ')}`)
  return server
}

function introspect(): DatabaseIntrospector {
  throw new TypeError('Cannot introspect: migrations know the schema')
}
