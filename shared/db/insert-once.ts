import type { InsertQueryBuilder } from 'kysely'
import type { Dialect } from './database.ts'

/** The same insert, but it does nothing where a row with the same unique key stands. */
export function insertOnce<DB, Table extends keyof DB, Result>(
  insert: InsertQueryBuilder<DB, Table, Result>,
  dialect: Dialect,
): InsertQueryBuilder<DB, Table, Result> {
  return dialect === 'mysql' ? insert.ignore() : insert.onConflict((conflict) => conflict.doNothing())
}
