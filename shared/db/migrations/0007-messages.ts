import { createTable, type Migration, type Table } from './table.ts'

const INBOX: Table = {
  name: 'inbox',
  columns: {
    id: 'uuid',
    source: 'name',
    dedupe_key: 'line',
    payload_hash: 'hash',
    body: 'text',
    request_id: 'line?',
    received_at: 'time',
  },
  unique: { inbox_message: ['source', 'dedupe_key'] },
  indexes: { inbox_time: ['received_at'] },
}

const OUTBOX: Table = {
  name: 'outbox',
  columns: {
    id: 'uuid',
    topic: 'name',
    target: 'name',
    payload: 'text',
    state: 'name',
    due_at: 'time',
    lease_epoch: 'integer',
    attempts: 'integer',
    last_error: 'line?',
    request_id: 'line?',
    created_at: 'time',
    done_at: 'time?',
  },
  indexes: { outbox_due: ['state', 'due_at'], outbox_time: ['created_at'] },
}

/** What came in from outside, once each, and what is to be told to others. */
export const messages: Migration = {
  name: '0007-messages',
  statements: (dialect) => [INBOX, OUTBOX].flatMap((table) => createTable(dialect, table)),
}
