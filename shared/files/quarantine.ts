import type { Queries } from '#shared/db/database.ts'
import { type FileRow, type FileStatus, moveFile } from '#shared/db/tables/files.ts'
import { clearAvatar, lockUser } from '#shared/db/tables/users.ts'

/** Puts a file where only admins see it, and takes it away as an avatar; false when it has moved on. */
export async function quarantine(
  sql: Queries,
  { row, from, reason, now }: Quarantined,
  signal: AbortSignal,
): Promise<boolean> {
  const to = {
    status: 'quarantined',
    reason: reason.slice(0, MAX_REASON),
    check_due_at: null,
    updated_at: now,
  } as const
  // Users first, as where an account is deleted: two that lock in opposite orders would wait for each other.
  await lockUser(sql, row.user_id, signal)
  if (!(await moveFile(sql, { id: row.id, from, to }, signal))) return false
  await clearAvatar(sql, { userId: row.user_id, fileId: row.id }, signal)
  return true
}

export interface Quarantined {
  readonly row: FileRow
  readonly from: readonly FileStatus[]
  readonly reason: string
  readonly now: Date
}

/** Characters that the column has. */
const MAX_REASON = 64
