import { CompiledQuery, Kysely } from 'kysely'
import { type Clock, systemClock } from '#shared/clock.ts'
import type { Database, Dialect } from './database.ts'
import { createDialect, type Grammar } from './dialect.ts'
import { LIMITS, type LinkDriver } from './link.ts'
import { mysqlGrammar, mysqlLinks } from './mysql.ts'
import { createPool } from './pool.ts'
import { postgresGrammar, postgresLinks } from './postgres.ts'
import type { Schema } from './schema.ts'

export interface DatabaseOptions {
  /** `postgres:`, `postgresql:`, `mysql:` or `mariadb:`. */
  readonly url: URL
  /** Connections at most: 1 where an instance serves one request at a time, else 2. */
  readonly poolSize: number
  readonly clock?: Clock
  /** For one statement; 4 s unless given. Migrations need longer. */
  readonly statementMs?: number
}

interface Server {
  readonly dialect: Dialect
  readonly grammar: Grammar
  readonly links: (url: URL, statementMs: number) => LinkDriver
}

const POSTGRES: Server = { dialect: 'postgres', grammar: postgresGrammar, links: postgresLinks }
const MYSQL: Server = { dialect: 'mysql', grammar: mysqlGrammar, links: mysqlLinks }

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
}: DatabaseOptions): Database {
  const server = SERVERS[url.protocol]
  if (server === undefined)
    throw new TypeError(`Cannot open the database: its URL must begin with ${DATABASE_SCHEMES.join(', ')}`)
  const links = server.links(url, statementMs)
  const pool = createPool(links, poolSize, clock)
  const sql = new Kysely<Schema>({
    dialect: createDialect({ grammar: server.grammar, links, pool, statementMs }),
  })
  return {
    dialect: server.dialect,
    sql,
    async warm(signal) {
      await sql.executeQuery(CompiledQuery.raw('select 1'), { signal })
    },
    // Not `sql.destroy()`, which does nothing before the first query and would not refuse the ones after it.
    close: () => pool.close(),
  }
}
