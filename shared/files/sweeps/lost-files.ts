import { changeUsage } from '#shared/db/tables/file-usage.ts'
import { type FileRow, moveFile, walkFiles } from '#shared/db/tables/files.ts'
import { cursorOf } from './cursor.ts'
import { BATCH, HOUR_MS, type Sweep, type SweepParts } from './sweep.ts'

const AT_A_TIME = 8
const STORED = ['pending', 'ready', 'quarantined'] as const
/** When this many in a row are gone, the bucket is the wrong one: nothing is concluded from it. */
const SUSPICIOUS = 20

/** Rows whose object has vanished: their owners no longer see them, and their room is free. The rows stay. */
export const lostFiles: Sweep = async (parts, signal) => {
  const { storage, database, logger } = parts
  const cursor = cursorOf(parts, 'rows', { pauseMs: 24 * HOUR_MS })
  const place = await cursor.read(signal)
  if (place === 'over') return 0
  const walk = { statuses: STORED, afterId: place.after, limit: BATCH }
  const rows = await walkFiles(await database.sql(), walk, signal)
  const lost: FileRow[] = []
  for (let at = 0; at < rows.length; at += AT_A_TIME) {
    const looks = rows.slice(at, at + AT_A_TIME).map(async (row) => {
      const isThere = row.object_key !== null && (await storage.head(row.object_key, signal)) !== undefined
      if (!isThere) lost.push(row)
    })
    await Promise.all(looks)
  }
  if (lost.length >= SUSPICIOUS && lost.length === rows.length) {
    logger.error('files.bucket_looks_wrong', { looked: rows.length, found: 0, advice: 'check STORAGE_URL' })
    return 0
  }
  for (const row of lost) await markLost(parts, row, signal)
  await cursor.write(rows.length < BATCH ? undefined : rows.at(-1)?.id, signal)
  return lost.length
}

async function markLost(
  { database, clock, logger }: SweepParts,
  row: FileRow,
  signal: AbortSignal,
): Promise<void> {
  await (await database.sql()).transaction().execute(async (sql) => {
    const to = { status: 'lost', updated_at: new Date(clock()) } as const
    if (!(await moveFile(sql, { id: row.id, from: STORED, to }, signal))) return
    await changeUsage(sql, row.user_id, { bytes: -row.size_bytes, files: -1 }, signal)
    logger.error('files.lost', { fileId: row.id })
  })
}
