import { addColumn, type Migration } from './table.ts'

/** What a message needs besides its body to be verified again; null for those that came before. */
export const inboxProof: Migration = {
  name: '0010-inbox-proof',
  statements: (dialect) => addColumn(dialect, { table: 'inbox', column: 'proof', type: 'text' }),
}
