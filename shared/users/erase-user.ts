import type { Queries } from '#shared/db/database.ts'
import { eraseAuditDetails } from '#shared/db/tables/audit.ts'
import { eraseSessionDetails } from '#shared/db/tables/sessions.ts'
import { updateUser } from '#shared/db/tables/users.ts'

/**
 * Erases a user's personal data. The row stays as a tombstone so that ids in the audit stay explained, and the openid
 * is freed: the same person may come back as a new user.
 */
export async function eraseUser(sql: Queries, userId: string, now: Date, signal: AbortSignal): Promise<void> {
  await updateUser(
    sql,
    userId,
    {
      openid: `deleted:${userId}`,
      unionid: null,
      status: 'deleted',
      nickname: null,
      avatar_file_id: null,
      gender: 'unknown',
      locale: null,
      roles: '',
      phone_encrypted: null,
      phone_index: null,
      phone_masked: null,
      updated_at: now,
      deleted_at: now,
    },
    signal,
  )
  await eraseSessionDetails(sql, userId, signal)
  await eraseAuditDetails(sql, userId, signal)
}
