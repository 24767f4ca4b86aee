import type { Migration } from './table.ts'

export const limits: Migration = {
  name: '0003-limits',
  statements: () => [],
}
