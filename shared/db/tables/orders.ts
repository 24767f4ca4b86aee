import type { Selectable } from 'kysely'
import type { Database, Queries } from '#shared/db/database.ts'
import { insertedOnce } from '#shared/db/insert-once.ts'

/**
 * `created`: nobody was asked yet. `paying`: the provider waits for the payer. `paid`: the money is there. `closed`: nobody
 * paid in time, or it was given up. `failed`: the provider will not take it.
 */
export type OrderState = 'created' | 'paying' | 'paid' | 'closed' | 'failed'

export interface OrdersTable {
  /** UUIDv7; without its dashes it is the number that the provider knows. */
  id: string
  user_id: string
  /** SHA-256 (hex) of the client's idempotency key: one key is one order, whatever failed in between. */
  client_key: string | null
  /** Name of who takes the money. */
  provider: string
  state: OrderState
  /** Why it failed or was closed. */
  reason: string | null
  description: string
  /** In fen, hundredths of a yuan. */
  amount_fen: number
  /** JSON, the client's own. */
  metadata: string
  /** Under which the provider waits for the payer. */
  prepay_id: string | null
  /** The provider's own number of the payment. */
  transaction_id: string | null
  /** What has been asked back and is not decided. */
  refunding_fen: number
  refunded_fen: number
  /** Until when it can be paid. */
  expires_at: Date
  /** When the provider is to be asked what became of it; null once that is known. */
  poll_at: Date | null
  polls: number
  paid_at: Date | null
  created_at: Date
  updated_at: Date
}

export type OrderRow = Selectable<OrdersTable>
export type OrderChange = Partial<OrderRow>

/** Whether it was inserted: false where the user has an order by the same key. */
export async function insertOrderOnce(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Database['dialect'] },
  row: OrderRow,
  signal: AbortSignal,
): Promise<boolean> {
  const insert = sql.insertInto('orders').values(row)
  return insertedOnce(insert, dialect, signal)
}

export function findOrder(sql: Queries, id: string, signal: AbortSignal): Promise<OrderRow | undefined> {
  return sql.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst({ signal })
}

export function findOrderByKey(
  sql: Queries,
  { userId, clientKey }: { readonly userId: string; readonly clientKey: string },
  signal: AbortSignal,
): Promise<OrderRow | undefined> {
  return sql
    .selectFrom('orders')
    .selectAll()
    .where('user_id', '=', userId)
    .where('client_key', '=', clientKey)
    .executeTakeFirst({ signal })
}

/** Changes an order that is still in one of the states given; false when it has moved on. */
export async function moveOrder(
  sql: Queries,
  { id, from, to }: { readonly id: string; readonly from: readonly OrderState[]; readonly to: OrderChange },
  signal: AbortSignal,
): Promise<boolean> {
  const result = await sql
    .updateTable('orders')
    .set(to)
    .where('id', '=', id)
    .where('state', 'in', from)
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

/** Sets so much of a paid order aside for a refund; false when that is more than is left of it. */
export async function setRefundAside(
  sql: Queries,
  { id, amountFen, now }: { readonly id: string; readonly amountFen: number; readonly now: Date },
  signal: AbortSignal,
): Promise<boolean> {
  const result = await sql
    .updateTable('orders')
    .set((column) => ({ refunding_fen: column('refunding_fen', '+', amountFen), updated_at: now }))
    .where('id', '=', id)
    .where('state', '=', 'paid')
    .where((column) =>
      column(
        column('refunding_fen', '+', column.ref('refunded_fen')),
        '<=',
        column('amount_fen', '-', amountFen),
      ),
    )
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

/** Ends what `setRefundAside` began: the money has gone back, or stays. */
export async function endRefunding(
  sql: Queries,
  {
    id,
    amountFen,
    refundedFen,
    now,
  }: { readonly id: string; readonly amountFen: number; readonly refundedFen: number; readonly now: Date },
  signal: AbortSignal,
): Promise<void> {
  await sql
    .updateTable('orders')
    .set((column) => ({
      refunding_fen: column('refunding_fen', '-', amountFen),
      refunded_fen: column('refunded_fen', '+', refundedFen),
      updated_at: now,
    }))
    .where('id', '=', id)
    .execute({ signal })
}

/** Orders that this provider is to be asked about, the longest due first. */
export function listDueOrders(
  sql: Queries,
  { provider, now, limit }: { readonly provider: string; readonly now: Date; readonly limit: number },
  signal: AbortSignal,
): Promise<OrderRow[]> {
  return sql
    .selectFrom('orders')
    .selectAll()
    .where('provider', '=', provider)
    .where('poll_at', '<=', now)
    .orderBy('poll_at')
    .limit(limit)
    .execute({ signal })
}

export interface OrderSeen {
  readonly id: string
  /** How often it had been asked about when it was read. */
  readonly polls: number
  readonly pollAt: Date
}

/** Has the provider asked again later, unless what became of it is known or somebody else has asked since. */
export async function postponeOrder(
  sql: Queries,
  { id, polls, pollAt }: OrderSeen,
  signal: AbortSignal,
): Promise<void> {
  await sql
    .updateTable('orders')
    .set({ poll_at: pollAt, polls: polls + 1 })
    .where('id', '=', id)
    .where('polls', '=', polls)
    .where('poll_at', 'is not', null)
    .execute({ signal })
}

/** Orders of a user, newest first, after the cursor's position. */
export function listOrdersOf(
  sql: Queries,
  { userId, limit, beforeId }: OrderPage,
  signal: AbortSignal,
): Promise<OrderRow[]> {
  return sql
    .selectFrom('orders')
    .selectAll()
    .where('user_id', '=', userId)
    .$if(beforeId !== undefined, (query) => query.where('id', '<', beforeId ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute({ signal })
}

export interface OrderPage {
  readonly userId: string
  readonly limit: number
  readonly beforeId?: string | undefined
}

/** Removes what a user wrote into orders; amounts, numbers, times and states stay, as the law on accounting wants. */
export async function eraseOrders(sql: Queries, userId: string, signal: AbortSignal): Promise<void> {
  await sql
    .updateTable('orders')
    .set({ description: '', metadata: '{}' })
    .where('user_id', '=', userId)
    .execute({ signal })
}
