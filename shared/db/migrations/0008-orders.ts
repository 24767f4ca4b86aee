import { createTable, type Migration, type Table } from './table.ts'

const ORDERS: Table = {
  name: 'orders',
  columns: {
    id: 'uuid',
    user_id: 'uuid',
    client_key: 'hash?',
    provider: 'name',
    state: 'name',
    reason: 'line?',
    description: 'line',
    amount_fen: 'integer',
    metadata: 'text',
    prepay_id: 'line?',
    transaction_id: 'line?',
    refunding_fen: 'integer',
    refunded_fen: 'integer',
    expires_at: 'time',
    poll_at: 'time?',
    polls: 'integer',
    paid_at: 'time?',
    created_at: 'time',
    updated_at: 'time',
  },
  unique: { orders_client_key: ['user_id', 'client_key'] },
  indexes: { orders_user: ['user_id', 'id'], orders_poll: ['poll_at'] },
}

const REFUNDS: Table = {
  name: 'refunds',
  columns: {
    id: 'uuid',
    order_id: 'uuid',
    client_key: 'hash?',
    state: 'name',
    amount_fen: 'integer',
    reason: 'line?',
    provider_id: 'line?',
    poll_at: 'time?',
    polls: 'integer',
    created_at: 'time',
    updated_at: 'time',
  },
  unique: { refunds_client_key: ['order_id', 'client_key'] },
  indexes: { refunds_order: ['order_id', 'id'], refunds_poll: ['poll_at'] },
}

/** Orders and what is paid back of them. */
export const orders: Migration = {
  name: '0008-orders',
  statements: (dialect) => [ORDERS, REFUNDS].flatMap((table) => createTable(dialect, table)),
}
