import { createTable, type Migration, type Table } from './table.ts'

const NONCES: Table = {
  name: 'nonces',
  columns: { id: 'hash', expires_at: 'time' },
  indexes: { nonces_expiry: ['expires_at'] },
}

/** Nonces of signed requests that must not be repeated whatever becomes of the state store. */
export const nonces: Migration = {
  name: '0004-nonces',
  statements: (dialect) => createTable(dialect, NONCES),
}
