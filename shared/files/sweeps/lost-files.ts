import { type FileRow, moveFile, walkFiles } from '#shared/db/tables/files.ts'
import { clearAvatar } from '#shared/db/tables/users.ts'
import { release } from '#shared/files/begin-upload.ts'
import { FILES_PREFIX } from '#shared/files/object-keys.ts'
import { cursorOf } from './cursor.ts'
import { BATCH, HOUR_MS, type Sweep, type SweepParts } from './sweep.ts'

const AT_A_TIME = 8
/** States of files that have an object. */
export const STORED = ['pending', 'ready', 'quarantined'] as const
/** Many in a row. */
const SUSPICIOUS = 20

/** Rows whose object has vanished: their owners no longer see them, and their room is free. The rows stay. */
export const lostFiles: Sweep = async (parts, signal) => {
  const { storage, database } = parts
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
  if (rows.length > 0 && lost.length === rows.length && (await isWrongBucket(parts, rows.length, signal)))
    return 0
  for (const row of lost) await markLost(parts, row, signal)
  await cursor.write(rows.length < BATCH ? undefined : rows.at(-1)?.id, signal)
  return lost.length
}

/** Where nothing of many is found, or nothing at all is there, the bucket is the wrong one: nothing is concluded from it. */
async function isWrongBucket(
  { storage, logger }: SweepParts,
  looked: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { items } = await storage.list({ prefix: FILES_PREFIX, limit: 1 }, signal)
  if (looked < SUSPICIOUS && items.length > 0) return false
  logger.error('files.bucket_looks_wrong', { looked, found: 0, advice: 'check STORAGE_URL' })
  return true
}

async function markLost(
  { database, clock, logger }: SweepParts,
  row: FileRow,
  signal: AbortSignal,
): Promise<void> {
  await (await database.sql()).transaction().execute(async (sql) => {
    await clearAvatar(sql, { userId: row.user_id, fileId: row.id }, signal)
    const to = { status: 'lost', updated_at: new Date(clock()) } as const
    if (!(await moveFile(sql, { id: row.id, from: STORED, to }, signal))) return
    await release(sql, row, signal)
    logger.error('files.lost', { fileId: row.id })
  })
}
