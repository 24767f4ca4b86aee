import { createTable, type Migration, type Table } from './table.ts'

const FILES: Table = {
  name: 'files',
  columns: {
    id: 'uuid',
    user_id: 'uuid',
    purpose: 'name',
    status: 'name',
    reason: 'name?',
    flow: 'name',
    name: 'line',
    content_type: 'line',
    size_bytes: 'integer',
    sha256: 'hash?',
    etag: 'line?',
    object_key: 'line?',
    upload_id: 'text?',
    upload_metadata: 'text?',
    scanned_at: 'time?',
    trace_id: 'line?',
    check_due_at: 'time?',
    times_asked: 'integer',
    expires_at: 'time?',
    created_at: 'time',
    updated_at: 'time',
  },
  indexes: {
    files_user: ['user_id', 'id'],
    files_status: ['status', 'id'],
    files_trace: ['trace_id'],
  },
}

const FILE_USAGE: Table = {
  name: 'file_usage',
  columns: { user_id: 'uuid', bytes: 'bigint', files: 'integer' },
}

const MEDIA_VERDICTS: Table = {
  name: 'media_verdicts',
  columns: { trace_id: 'line', suggest: 'name', label: 'integer', errcode: 'integer', at: 'time' },
  indexes: { media_verdicts_time: ['at'] },
}

/** Files and the uploads that they begin as, what users have in sum, and what content safety said. */
export const files: Migration = {
  name: '0006-files',
  statements: (dialect) =>
    [FILES, FILE_USAGE, MEDIA_VERDICTS].flatMap((table) => createTable(dialect, table)),
}
