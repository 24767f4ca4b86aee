import { createTable, type Migration, type Table } from './table.ts'

const GUARD_VERSIONS: Table = {
  name: 'guard_versions',
  columns: { version: 'integer', content: 'text', created_at: 'time', created_by: 'uuid?' },
}

const DENY_LIST: Table = {
  name: 'deny_list',
  columns: {
    id: 'uuid',
    kind: 'name',
    value: 'line',
    reason: 'line',
    revision: 'integer',
    expires_at: 'time',
    removed_at: 'time?',
    created_at: 'time',
    created_by: 'uuid?',
  },
  unique: { deny_list_revision: ['revision'] },
  indexes: { deny_list_expiry: ['expires_at'] },
}

const RISK_DECISIONS: Table = {
  name: 'risk_decisions',
  columns: {
    id: 'uuid',
    at: 'time',
    route: 'line',
    user_id: 'uuid?',
    facts: 'text',
    version: 'integer',
    rule: 'name?',
    action: 'name',
  },
  indexes: { risk_decisions_user: ['user_id'], risk_decisions_time: ['at'] },
}

/** Published rules, who is turned away, and what was decided, for trying out a draft on it. */
export const risk: Migration = {
  name: '0005-risk',
  statements: (dialect) =>
    [GUARD_VERSIONS, DENY_LIST, RISK_DECISIONS].flatMap((table) => createTable(dialect, table)),
}
