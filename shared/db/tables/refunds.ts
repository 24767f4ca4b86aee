import type { Selectable } from 'kysely'
import type { Database, Queries } from '#shared/db/database.ts'
import { insertedOnce } from '#shared/db/insert-once.ts'

/**
 * `asked`: kept, the provider was not reached yet. `processing`: the provider has it. `succeeded`: the payer has the money.
 * `closed`: the payer gets nothing, the provider said no. `abnormal`: the payer's account took no money, a person has to act.
 */
export type RefundState = 'asked' | 'processing' | 'succeeded' | 'closed' | 'abnormal'

export interface RefundsTable {
  /** UUIDv7; without its dashes it is the number that the provider knows. */
  id: string
  order_id: string
  /** SHA-256 (hex) of the client's idempotency key. */
  client_key: string | null
  state: RefundState
  amount_fen: number
  reason: string | null
  /** The provider's own number. */
  provider_id: string | null
  /** When the provider is to be asked, or asked about it; null once that is known. */
  poll_at: Date | null
  polls: number
  created_at: Date
  updated_at: Date
}

export type RefundRow = Selectable<RefundsTable>
export type RefundChange = Partial<RefundRow>

/** Whether it was inserted: false where the order has a refund by the same key. */
export async function insertRefundOnce(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Database['dialect'] },
  row: RefundRow,
  signal: AbortSignal,
): Promise<boolean> {
  return insertedOnce(sql.insertInto('refunds').values(row), dialect, signal)
}

export function findRefund(sql: Queries, id: string, signal: AbortSignal): Promise<RefundRow | undefined> {
  return sql.selectFrom('refunds').selectAll().where('id', '=', id).executeTakeFirst({ signal })
}

export function findRefundByKey(
  sql: Queries,
  { orderId, clientKey }: { readonly orderId: string; readonly clientKey: string },
  signal: AbortSignal,
): Promise<RefundRow | undefined> {
  return sql
    .selectFrom('refunds')
    .selectAll()
    .where('order_id', '=', orderId)
    .where('client_key', '=', clientKey)
    .executeTakeFirst({ signal })
}

/** The refunds of an order, in the order in which they were asked for. */
export function listRefunds(sql: Queries, orderId: string, signal: AbortSignal): Promise<RefundRow[]> {
  return sql
    .selectFrom('refunds')
    .selectAll()
    .where('order_id', '=', orderId)
    .orderBy('id')
    .execute({ signal })
}

/** The refunds of several orders, oldest first. */
export function listRefundsOfAll(
  sql: Queries,
  orderIds: readonly string[],
  signal: AbortSignal,
): Promise<RefundRow[]> {
  if (orderIds.length === 0) return Promise.resolve([])
  return sql
    .selectFrom('refunds')
    .selectAll()
    .where('order_id', 'in', orderIds)
    .orderBy('id')
    .execute({ signal })
}

/** Removes what a user wrote as reasons. */
export async function eraseReasons(
  sql: Queries,
  orderIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (orderIds.length === 0) return
  await sql.updateTable('refunds').set({ reason: null }).where('order_id', 'in', orderIds).execute({ signal })
}

/** Changes a refund that is still in one of the states given; false when it has moved on. */
export async function moveRefund(
  sql: Queries,
  { id, from, to }: { readonly id: string; readonly from: readonly RefundState[]; readonly to: RefundChange },
  signal: AbortSignal,
): Promise<boolean> {
  const result = await sql
    .updateTable('refunds')
    .set(to)
    .where('id', '=', id)
    .where('state', 'in', from)
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

/** Refunds that this provider is to be asked about, the longest due first. */
export function listDueRefunds(
  sql: Queries,
  { provider, now, limit }: { readonly provider: string; readonly now: Date; readonly limit: number },
  signal: AbortSignal,
): Promise<RefundRow[]> {
  return sql
    .selectFrom('refunds')
    .innerJoin('orders', 'orders.id', 'refunds.order_id')
    .selectAll('refunds')
    .where('orders.provider', '=', provider)
    .where('refunds.poll_at', '<=', now)
    .orderBy('refunds.poll_at')
    .limit(limit)
    .execute({ signal })
}

export interface RefundSeen {
  readonly id: string
  /** How often it had been asked about when it was read. */
  readonly polls: number
  readonly pollAt: Date
}

/** Has the provider asked again later, unless what became of it is known or somebody else has asked since. */
export async function postponeRefund(
  sql: Queries,
  { id, polls, pollAt }: RefundSeen,
  signal: AbortSignal,
): Promise<void> {
  await sql
    .updateTable('refunds')
    .set({ poll_at: pollAt, polls: polls + 1 })
    .where('id', '=', id)
    .where('polls', '=', polls)
    .where('poll_at', 'is not', null)
    .execute({ signal })
}
