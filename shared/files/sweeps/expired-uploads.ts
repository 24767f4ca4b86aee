import { type FileRow, listExpiredUploads } from '#shared/db/tables/files.ts'
import { markDeleted, purgeFile } from '#shared/files/remove-file.ts'
import { ago, BATCH, forEach, HOUR_MS, type Sweep } from './sweep.ts'

/** Uploads that were begun and never completed. An hour's grace: whoever uploaded in time may still complete. */
export const expiredUploads: Sweep = async (parts, signal) => {
  const sql = await parts.database.sql()
  const rows = await listExpiredUploads(sql, { before: ago(parts.clock, HOUR_MS), limit: BATCH }, signal)
  const end = async (row: FileRow) => {
    if (await markDeleted(parts, { row, from: ['uploading'] }, signal)) await purgeFile(parts, row, signal)
  }
  return forEach(rows, end, signal)
}
