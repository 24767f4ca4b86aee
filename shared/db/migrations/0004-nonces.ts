import type { Migration } from './table.ts'

export const nonces: Migration = {
  name: '0004-nonces',
  statements: () => [],
}
