import { accounts } from './0001-accounts.ts'
import { state } from './0002-state.ts'
import type { Migration } from './table.ts'

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [accounts, state]
