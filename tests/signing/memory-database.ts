import {
  type CompiledQuery,
  type DatabaseConnection,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import type { Database } from '#shared/db/database.ts'
import type { Schema } from '#shared/db/schema.ts'

/** A database in memory that knows one table, the nonces', and of SQL what that needs; replay.test.ts has real ones. */
export function memoryDatabase(): Database {
  const rows = new Map<unknown, unknown>()

  function affected({ sql, parameters: [id, expiresAt] }: CompiledQuery): bigint {
    if (sql.startsWith('delete from "nonces"')) return 0n
    if (!sql.startsWith('insert into "nonces" ("id", "expires_at")'))
      throw new TypeError(`Not a statement about nonces: ${sql}`)
    if (rows.has(id)) return 0n
    rows.set(id, expiresAt)
    return 1n
  }

  const connection: DatabaseConnection = {
    executeQuery: async (statement) => ({ rows: [], numAffectedRows: affected(statement) }),
    streamQuery: unknown,
  }
  const queries = new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createDriver: () => ({
        init: async () => {},
        acquireConnection: async () => connection,
        releaseConnection: async () => {},
        beginTransaction: unknown,
        commitTransaction: unknown,
        rollbackTransaction: unknown,
        destroy: async () => {},
      }),
    },
  })
  return {
    dialect: 'postgres',
    sql: async () => queries,
    query: unknown,
    warm: async () => {},
    close: async () => {},
  }
}

function unknown(): never {
  throw new TypeError('Only nonces are kept here')
}
