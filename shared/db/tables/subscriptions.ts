import type { Selectable } from 'kysely'
import type { Dialect, Queries } from '#shared/db/database.ts'
import { insertedOnce } from '#shared/db/insert-once.ts'

/** What users said to subscribe messages, by template: the last word of each. */
export interface SubscriptionsTable {
  /** UUIDv7. */
  id: string
  user_id: string
  /** WeChat's. */
  template_id: string
  status: 'accept' | 'reject'
  /** When the user said so, in whole seconds. */
  at: Date
}

export type SubscriptionRow = Selectable<SubscriptionsTable>

/** Keeps what a user says, unless something later is known: pushes come in any order. */
export async function keepSubscription(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Dialect },
  row: SubscriptionRow,
  signal: AbortSignal,
): Promise<void> {
  if (await insertedOnce(sql.insertInto('subscriptions').values(row), dialect, signal)) return
  await sql
    .updateTable('subscriptions')
    .set({ status: row.status, at: row.at })
    .where('user_id', '=', row.user_id)
    .where('template_id', '=', row.template_id)
    .where('at', '<=', row.at)
    .execute({ signal })
}

export function listSubscriptions(
  sql: Queries,
  userId: string,
  signal: AbortSignal,
): Promise<SubscriptionRow[]> {
  return sql.selectFrom('subscriptions').selectAll().where('user_id', '=', userId).execute({ signal })
}

export async function deleteSubscriptions(sql: Queries, userId: string, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('subscriptions').where('user_id', '=', userId).execute({ signal })
}
