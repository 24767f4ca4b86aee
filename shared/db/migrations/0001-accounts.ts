import { createTable, type Migration, type Table } from './table.ts'

const USERS: Table = {
  name: 'users',
  columns: {
    id: 'uuid',
    app_id: 'name',
    openid: 'openid?',
    unionid: 'openid?',
    status: 'name',
    epoch: 'integer',
    nickname: 'line?',
    avatar_file_id: 'name?',
    gender: 'name',
    locale: 'name?',
    roles: 'line',
    phone_encrypted: 'text?',
    phone_index: 'hash?',
    phone_masked: 'name?',
    created_at: 'time',
    updated_at: 'time',
    deleted_at: 'time?',
  },
  unique: { users_app_openid: ['app_id', 'openid'] },
  indexes: { users_phone: ['phone_index'], users_page: ['app_id', 'id'] },
}

const SESSIONS: Table = {
  name: 'sessions',
  columns: {
    id: 'uuid',
    user_id: 'uuid',
    counter: 'integer',
    key_encrypted: 'text',
    wechat_key_encrypted: 'text?',
    epoch: 'integer',
    device_id: 'line?',
    device_model: 'line?',
    device_platform: 'line?',
    last_ip: 'name?',
    created_at: 'time',
    rotated_at: 'time',
    idle_expires_at: 'time',
    expires_at: 'time',
    revoked_at: 'time?',
    revoked_reason: 'name?',
  },
  indexes: { sessions_user: ['user_id', 'created_at'], sessions_expiry: ['expires_at'] },
}

const AUDIT: Table = {
  name: 'audit',
  columns: {
    id: 'uuid',
    at: 'time',
    action: 'line',
    actor_id: 'uuid?',
    subject_id: 'uuid?',
    ip: 'name?',
    request_id: 'line?',
    details: 'text',
  },
  indexes: { audit_subject: ['subject_id', 'id'], audit_actor: ['actor_id'], audit_time: ['at'] },
}

const IDEMPOTENCY: Table = {
  name: 'idempotency',
  columns: { id: 'hash', request_hash: 'hash', status: 'integer?', response: 'text?', expires_at: 'time' },
  indexes: { idempotency_expiry: ['expires_at'] },
}

/** Users, their sessions, what was done to them, and answers kept for repeated requests. */
export const accounts: Migration = {
  name: '0001-accounts',
  statements: (dialect) =>
    [USERS, SESSIONS, AUDIT, IDEMPOTENCY].flatMap((table) => createTable(dialect, table)),
}
