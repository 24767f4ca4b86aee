import { CompiledQuery } from 'kysely'
import type { Database } from './database.ts'

/** Statements as text, with `$1` or `?` for values, for code that needs no query builder. */
export interface RawQueries {
  query(
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>
}

export function rawQueries(database: Database): RawQueries {
  return {
    async query(text, values, signal) {
      const result = await database.sql.executeQuery(CompiledQuery.raw(text, [...values]), { signal })
      return result.rows as readonly Readonly<Record<string, unknown>>[] // Both drivers make an object of each row.
    },
  }
}
