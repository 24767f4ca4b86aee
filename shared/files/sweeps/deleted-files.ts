import { walkFiles } from '#shared/db/tables/files.ts'
import { purgeFile } from '#shared/files/remove-file.ts'
import { ago, BATCH, forEach, HOUR_MS, type Sweep } from './sweep.ts'

/** Files and uploads whose owner, or their account, is done with them, and whose objects are still there. */
export const deletedFiles: Sweep = async (parts, signal) => {
  const rows = await walkFiles(await parts.database.sql(), { statuses: ['deleted'], limit: BATCH }, signal)
  return forEach(rows, (row) => purgeFile(parts, row, signal), signal)
}

const REMEMBERED_MS = 24 * HOUR_MS

/** Uploads that were refused: the refusal is remembered for a day, for clients that ask again. */
export const refusedUploads: Sweep = async (parts, signal) => {
  const rows = await walkFiles(await parts.database.sql(), { statuses: ['refused'], limit: BATCH }, signal)
  const old = rows.filter(({ updated_at: at }) => at < ago(parts.clock, REMEMBERED_MS))
  return forEach(old, (row) => purgeFile(parts, row, signal), signal)
}
