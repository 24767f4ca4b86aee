import type { Queries } from '#shared/db/database.ts'
import { listFiles, moveFile } from '#shared/db/tables/files.ts'
import { release } from './begin-upload.ts'
import type { Purpose } from './purposes.ts'

const KEPT = ['uploading', 'pending', 'ready', 'quarantined'] as const
const AT_A_TIME = 500

/** Makes all files of a user that have this purpose disappear, in a transaction that has locked the user; a sweep purges them. */
export async function deleteFilesOf(
  sql: Queries,
  { userId, purpose, now }: { readonly userId: string; readonly purpose: Purpose; readonly now: Date },
  signal: AbortSignal,
): Promise<void> {
  const to = { status: 'deleted', name: '', updated_at: now } as const
  for (;;) {
    const rows = await listFiles(sql, { statuses: KEPT, userId, purpose, limit: AT_A_TIME }, signal)
    for (const row of rows) {
      if (await moveFile(sql, { id: row.id, from: KEPT, to }, signal)) await release(sql, row, signal)
    }
    if (rows.length < AT_A_TIME) return
  }
}
