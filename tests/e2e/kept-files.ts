import { sql as text } from 'kysely'
import { join, relative, sep } from 'node:path'
import { addressesOf } from '#scripts/dev/addresses.ts'
import type { FileUsageTable } from '#shared/db/tables/file-usage.ts'
import type { FileRow } from '#shared/db/tables/files.ts'
import type { Database } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { fileIdOf } from '#shared/files/object-keys.ts'
import { openDisk } from '#shared/storage/disk/disk.ts'
import { keptBytes } from '#tests/storage/kept-bytes.ts'

const HOUR_MS = 3_600_000
/** What sweeps leave to those who may still come back for it. */
const YOUNG_MS = 2 * HOUR_MS
const ABANDONED_MS = 26 * HOUR_MS

interface KeptObject {
  readonly key: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

interface KeptUpload {
  readonly key: string
  readonly uploadId: string
  readonly startedMs: number
}

/** All that a local cloud keeps of files, read from its data. */
export interface KeptFiles {
  readonly rows: readonly FileRow[]
  readonly usage: readonly FileUsageTable[]
  readonly objects: readonly KeptObject[]
  readonly uploads: readonly KeptUpload[]
  /** Files of the store that hold bytes of no object and no part. */
  readonly leftovers: readonly string[]
}

/** Asks the database of the local cloud that runs on `folder`, past everything that is tested. */
export async function withDatabase<T>(folder: string, work: (database: Database) => Promise<T>): Promise<T> {
  const url = addressesOf(folder)?.databaseUrl
  if (url === undefined) throw new Error(`No local cloud runs on ${folder}`)
  const database = openDatabase({ url: new URL(url), poolSize: 1 })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

export async function keptFiles(folder: string): Promise<KeptFiles> {
  const [known, stored] = await Promise.all([
    withDatabase(folder, rowsIn),
    objectsIn(join(folder, 'objects')),
  ])
  return { ...known, ...stored }
}

async function rowsIn(database: Database): Promise<Pick<KeptFiles, 'rows' | 'usage'>> {
  const sql = await database.sql()
  const rows = await sql.selectFrom('files').selectAll().orderBy('id').execute()
  // PostgreSQL's driver gives a bigint as text.
  const usage = await sql
    .selectFrom('file_usage')
    .select(['user_id', 'files', text<string>`bytes`.as('bytes')])
    .execute()
  return { rows, usage: usage.map((row) => ({ ...row, bytes: Number(row.bytes) })) }
}

async function objectsIn(folder: string): Promise<Pick<KeptFiles, 'objects' | 'uploads' | 'leftovers'>> {
  const disk = openDisk(folder)
  const { objects } = await disk.list({ prefix: '', limit: Number.POSITIVE_INFINITY })
  const uploads = await disk.drafts.all('')
  const owned = objects.flatMap((object) => object.files.map(({ name }) => join(object.folder, name)))
  const inUse = new Set(owned.map((path) => relative(folder, path)))
  const going = uploads.map((upload) => relative(folder, upload.folder) + sep)
  return {
    objects,
    uploads: uploads.map((upload) => ({ ...upload, uploadId: upload.id })),
    leftovers: (await keptBytes(folder)).filter(
      (file) => !inUse.has(file) && !going.some((draft) => file.startsWith(draft)),
    ),
  }
}

const COUNTED: ReadonlySet<string> = new Set(['uploading', 'pending', 'ready', 'quarantined'])
const STORED: ReadonlySet<string> = new Set(['pending', 'ready', 'quarantined'])

/** What in there must not be, a line each; nothing while all is well. */
export function contradictions(kept: KeptFiles, nowMs = Date.now()): readonly string[] {
  return [...withoutObject(kept), ...withoutRow(kept, nowMs), ...miscounted(kept), ...leftOver(kept)]
}

function withoutObject({ rows, objects }: KeptFiles): readonly string[] {
  const sizes = new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]))
  return rows.flatMap(({ id, status, object_key: key, size_bytes: bytes }) => {
    const stored = sizes.get(key ?? '')
    return STORED.has(status) && stored !== bytes
      ? [`${status} file ${id} of ${bytes} bytes has an object of ${stored}`]
      : []
  })
}

/** An object belongs to the file that points to it, or to an upload that still goes on. */
function withoutRow({ rows, objects, uploads }: KeptFiles, nowMs: number): readonly string[] {
  const known = new Set(rows.map(({ object_key: key }) => key))
  const going = new Set(rows.filter(({ status }) => status === 'uploading').map(({ id }) => id))
  const ids = new Set(rows.filter(({ status }) => status === 'uploading').map(({ upload_id: id }) => id))
  const stray = objects.filter(
    ({ key, modifiedMs }) =>
      !known.has(key) && !going.has(fileIdOf(key) ?? '') && nowMs - modifiedMs > YOUNG_MS,
  )
  const abandoned = uploads.filter(
    ({ uploadId, startedMs }) => !ids.has(uploadId) && nowMs - startedMs > ABANDONED_MS,
  )
  return [
    ...stray.map(({ key }) => `old object ${key} belongs to nothing`),
    ...abandoned.map(({ key }) => `old upload in parts ${key} belongs to nothing`),
  ]
}

function miscounted({ rows, usage }: KeptFiles): readonly string[] {
  const counted = rows.filter(({ status }) => COUNTED.has(status))
  const users = new Set([...counted.map(({ user_id: id }) => id), ...usage.map(({ user_id: id }) => id)])
  return [...users].flatMap((user) => {
    const own = counted.filter(({ user_id: id }) => id === user)
    const bytes = own.reduce((sum, { size_bytes: size }) => sum + size, 0)
    const told = usage.find(({ user_id: id }) => id === user) ?? { bytes: 0, files: 0 }
    return told.bytes === bytes && told.files === own.length
      ? []
      : [`${user} has ${own.length} files of ${bytes} bytes, counted as ${told.files} of ${told.bytes}`]
  })
}

function leftOver({ leftovers }: KeptFiles): readonly string[] {
  return leftovers.map((file) => `the store keeps ${file}, which is part of nothing`)
}
