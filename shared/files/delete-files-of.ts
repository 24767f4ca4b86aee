import type { Queries } from '#shared/db/database.ts'
import { changeUsage } from '#shared/db/tables/file-usage.ts'
import { changeFiles, lockFilesOf } from '#shared/db/tables/files.ts'
import type { Purpose } from './purposes.ts'

const KEPT = ['uploading', 'pending', 'ready', 'quarantined'] as const
const AT_A_TIME = 500

/**
 * Makes all files of a user that have these purposes disappear, in a transaction that has locked the user; a sweep purges
 * them. Two statements for each 500 files, and one for the room that they took: last, since others who hold a file wait for it.
 */
export async function deleteFilesOf(
  sql: Queries,
  {
    userId,
    purposes,
    now,
  }: { readonly userId: string; readonly purposes: readonly Purpose[]; readonly now: Date },
  signal: AbortSignal,
): Promise<void> {
  const to = { status: 'deleted', name: '', updated_at: now } as const
  let freed = { bytes: 0, files: 0 }
  let count: number = purposes.length === 0 ? 0 : AT_A_TIME
  while (count === AT_A_TIME) {
    const rows = await lockFilesOf(sql, { userId, purposes, statuses: KEPT, limit: AT_A_TIME }, signal)
    count = rows.length
    const ids = rows.map(({ id }) => id)
    if (count > 0) await changeFiles(sql, ids, to, signal)
    const bytes = rows.reduce((sum, { size_bytes: each }) => sum + each, 0)
    freed = { bytes: freed.bytes + bytes, files: freed.files + count }
  }
  if (freed.files > 0) await changeUsage(sql, userId, { bytes: -freed.bytes, files: -freed.files }, signal)
}
