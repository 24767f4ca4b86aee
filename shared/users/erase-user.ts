import type { Queries } from '#shared/db/database.ts'
import { eraseAuditDetails } from '#shared/db/tables/audit.ts'
import { deleteUsage } from '#shared/db/tables/file-usage.ts'
import { eraseFiles } from '#shared/db/tables/files.ts'
import { eraseOrders, listOrdersOf } from '#shared/db/tables/orders.ts'
import { eraseReasons } from '#shared/db/tables/refunds.ts'
import { eraseDecisions } from '#shared/db/tables/risk-decisions.ts'
import { eraseSessionDetails } from '#shared/db/tables/sessions.ts'
import { deleteSubscriptions } from '#shared/db/tables/subscriptions.ts'
import { BLANK_PERSON, updateUser } from '#shared/db/tables/users.ts'

const AT_A_TIME = 1_000

/**
 * Erases a user's personal data. The row stays as a tombstone so that ids in the audit stay explained, and the openid
 * is freed: the same person may come back as a new user.
 */
export async function eraseUser(sql: Queries, userId: string, now: Date, signal: AbortSignal): Promise<void> {
  const freed = { openid: `deleted:${userId}`, status: 'deleted', updated_at: now, deleted_at: now } as const
  await updateUser(sql, userId, { ...BLANK_PERSON, ...freed }, signal)
  await eraseSessionDetails(sql, userId, signal)
  await eraseAuditDetails(sql, userId, signal)
  // The objects themselves are purged afterwards.
  await eraseFiles(sql, userId, now, signal)
  await deleteUsage(sql, userId, signal)
  await deleteSubscriptions(sql, userId, signal)
  await erasePurchases(sql, userId, signal)
  // What a decision still in an instance's memory adds afterwards goes with the rest, a week later.
  await eraseDecisions(sql, userId, signal)
}

/** Refunds before orders, as where refunds are settled: two that lock in opposite orders would wait for each other. */
async function erasePurchases(sql: Queries, userId: string, signal: AbortSignal): Promise<void> {
  let beforeId: string | undefined
  do {
    const orders = await listOrdersOf(sql, { userId, limit: AT_A_TIME, beforeId }, signal)
    const ids = orders.map(({ id }) => id)
    await eraseReasons(sql, ids, signal)
    beforeId = ids.length < AT_A_TIME ? undefined : ids.at(-1)
  } while (beforeId !== undefined)
  await eraseOrders(sql, userId, signal)
}
