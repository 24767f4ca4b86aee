import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

export type Dialect = 'postgres' | 'mysql'

/**
 * A connection pool and the query builder on it. Opens on first use; queries fail with the fault `unavailable` when the
 * database cannot be reached. Pass the request's signal to each `execute({ signal })`.
 */
export interface Database {
  readonly dialect: Dialect
  /** The query builder, loaded when first asked for. */
  sql(): Promise<Queries>
  /** Runs one statement as it stands, with `$1` or `?` for values, and without the query builder. */
  query(
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Opens a connection ahead of the first query. */
  warm(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The query builder, in a transaction or outside. */
export type Queries = Kysely<Schema>

/** What is left to do once a transaction has been committed; nothing that the database must know. */
export type AfterCommit = (signal: AbortSignal) => Promise<void>
