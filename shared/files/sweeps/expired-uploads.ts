import { listExpiredUploads } from '#shared/db/tables/files.ts'
import { markDeleted, purgeFile } from '#shared/files/remove-file.ts'
import { ago, BATCH, HOUR_MS, type Sweep } from './sweep.ts'

/** Uploads that were begun and never completed. An hour's grace: whoever uploaded in time may still complete. */
export const expiredUploads: Sweep = async (parts, signal) => {
  const sql = await parts.database.sql()
  const rows = await listExpiredUploads(sql, { before: ago(parts.clock, HOUR_MS), limit: BATCH }, signal)
  let count = 0
  for (const row of rows) {
    if (!(await markDeleted(parts, { row, from: ['uploading'] }, signal))) continue
    await purgeFile(parts, row, signal)
    count++
  }
  return count
}
