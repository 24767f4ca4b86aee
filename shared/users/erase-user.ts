import type { Queries } from '#shared/db/database.ts'
import { eraseAuditDetails } from '#shared/db/tables/audit.ts'
import { deleteUsage } from '#shared/db/tables/file-usage.ts'
import { eraseFiles } from '#shared/db/tables/files.ts'
import { eraseDecisions } from '#shared/db/tables/risk-decisions.ts'
import { eraseSessionDetails } from '#shared/db/tables/sessions.ts'
import { deleteSubscriptions } from '#shared/db/tables/subscriptions.ts'
import { BLANK_PERSON, updateUser } from '#shared/db/tables/users.ts'

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
  // What a decision still in an instance's memory adds afterwards goes with the rest, a week later.
  await eraseDecisions(sql, userId, signal)
}
