import type { InsertQueryBuilder, InsertResult } from 'kysely'
import type { Dialect } from './database.ts'

/** The same insert, but it does nothing where a row with the same unique key stands. */
export function insertOnce<DB, Table extends keyof DB, Result>(
  insert: InsertQueryBuilder<DB, Table, Result>,
  dialect: Dialect,
): InsertQueryBuilder<DB, Table, Result> {
  return dialect === 'mysql' ? insert.ignore() : insert.onConflict((conflict) => conflict.doNothing())
}

/** Whether the row was inserted: false where one with the same unique key stands. */
export async function insertedOnce<DB, Table extends keyof DB>(
  insert: InsertQueryBuilder<DB, Table, InsertResult>,
  dialect: Dialect,
  signal: AbortSignal,
): Promise<boolean> {
  const result = await insertOnce(insert, dialect).executeTakeFirst({ signal })
  return result.numInsertedOrUpdatedRows === 1n
}
