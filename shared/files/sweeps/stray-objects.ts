import { type FileRow, findFilesById, walkFiles } from '#shared/db/tables/files.ts'
import { fileIdOf, FILES_PREFIX, UPLOADS_PREFIX } from '#shared/files/object-keys.ts'
import { cursorOf } from './cursor.ts'
import { STORED } from './lost-files.ts'
import { ago, BATCH, forEach, HOUR_MS, type Sweep, type SweepParts } from './sweep.ts'

/** Longer than anything takes from the object to its row. */
const YOUNG_MS = 2 * HOUR_MS

/** Objects that no row knows: what a crash left, or what was uploaded again by a form that had been used. */
export const strayObjects: Sweep = async (parts, signal) => {
  const uploads = await strayBelow(parts, UPLOADS_PREFIX, signal)
  return uploads + (await strayBelow(parts, FILES_PREFIX, signal))
}

async function strayBelow(parts: SweepParts, prefix: string, signal: AbortSignal): Promise<number> {
  const { storage, database, clock } = parts
  const cursor = cursorOf(parts, `objects:${prefix}`, { pauseMs: HOUR_MS })
  const place = await cursor.read(signal)
  if (place === 'over') return 0
  const page = { prefix, limit: BATCH, ...(place.after === undefined ? {} : { after: place.after }) }
  const { items, next } = await storage.list(page, signal)
  const old = items.filter(({ lastModified }) => lastModified < ago(clock, YOUNG_MS))
  const ids = [...new Set(old.flatMap(({ key }) => fileIdOf(key) ?? []))]
  const rows = await findFilesById(await database.sql(), ids, signal)
  const byId = new Map(rows.map((row) => [row.id, row]))
  const stray = old.filter(({ key }) => !isKnown(key, byId.get(fileIdOf(key) ?? '')))
  await cursor.write(next, signal)
  if (await isWrongDatabase(parts, { looked: old.length, stray: stray.length, prefix }, signal)) return 0
  return forEach(stray, ({ key }) => storage.delete(key, signal), signal)
}

/** Many in a row. */
const SUSPICIOUS = 20

/** Where no file of a page is known, or no file at all, the bucket may be another deployment's: nothing is deleted. */
async function isWrongDatabase(
  { database, logger }: SweepParts,
  { looked, stray, prefix }: { readonly looked: number; readonly stray: number; readonly prefix: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (prefix !== FILES_PREFIX || looked === 0 || stray < looked) return false
  const known = await walkFiles(await database.sql(), { statuses: STORED, limit: 1 }, signal)
  if (looked < SUSPICIOUS && known.length > 0) return false
  logger.error('files.database_looks_wrong', {
    looked,
    known: 0,
    advice: 'check DATABASE_URL and STORAGE_URL',
  })
  return true
}

function isKnown(key: string, row: FileRow | undefined): boolean {
  return key.startsWith(UPLOADS_PREFIX) ? row?.status === 'uploading' : row?.object_key === key
}

/** Longer than an upload in parts may go on. */
const ABANDONED_MS = 26 * HOUR_MS

/** Uploads in parts that the store still holds and nobody will complete. */
export const abandonedParts: Sweep = async ({ storage, clock }, signal) => {
  const uploads = [
    ...(await storage.multipart.list({ prefix: UPLOADS_PREFIX, limit: BATCH }, signal)),
    ...(await storage.multipart.list({ prefix: FILES_PREFIX, limit: BATCH }, signal)),
  ]
  const old = uploads.filter(({ startedAt }) => startedAt < ago(clock, ABANDONED_MS))
  return forEach(old, (upload) => storage.multipart.abort(upload, signal), signal)
}
