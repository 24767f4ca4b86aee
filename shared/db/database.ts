import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

export type Dialect = 'postgres' | 'mysql'

/** A connection pool and the query builder on it. Opens on first use; queries fail with the fault `unavailable` when
 * the database cannot be reached. Pass the request's signal to each `execute({ signal })`. */
export interface Database {
  readonly dialect: Dialect
  readonly sql: Kysely<Schema>
  /** Opens a connection ahead of the first query. */
  warm(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The query builder, in a transaction or outside. */
export type Queries = Kysely<Schema>
