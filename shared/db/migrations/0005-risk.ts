import type { Migration } from './table.ts'

export const risk: Migration = {
  name: '0005-risk',
  statements: () => [],
}
