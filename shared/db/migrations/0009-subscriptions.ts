import { createTable, type Migration, type Table } from './table.ts'

const SUBSCRIPTIONS: Table = {
  name: 'subscriptions',
  columns: {
    id: 'uuid',
    user_id: 'uuid',
    template_id: 'name',
    status: 'name',
    at: 'time',
  },
  unique: { subscriptions_template: ['user_id', 'template_id'] },
}

/** What users said to subscribe messages. */
export const subscriptions: Migration = {
  name: '0009-subscriptions',
  statements: (dialect) => createTable(dialect, SUBSCRIPTIONS),
}
