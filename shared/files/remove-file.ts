import { deleteFile, type FileRow, type FileStatus, moveFile, walkFiles } from '#shared/db/tables/files.ts'
import { clearAvatar } from '#shared/db/tables/users.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { release } from './begin-upload.ts'
import type { FileParts } from './file-parts.ts'
import { uploadPrefix, wholeUploadKey } from './object-keys.ts'

/** Makes a file or an upload disappear for its owner at once; false when another call was faster. */
export async function markDeleted(
  { database, clock }: Pick<FileParts, 'database' | 'clock'>,
  { row, from }: { readonly row: FileRow; readonly from: readonly FileStatus[] },
  signal: AbortSignal,
): Promise<boolean> {
  const now = new Date(clock())
  return (await database.sql()).transaction().execute(async (sql) => {
    const to = { status: 'deleted', updated_at: now } as const
    // Users first, as where an account is deleted: two that lock in opposite orders would wait for each other.
    await clearAvatar(sql, { userId: row.user_id, fileId: row.id }, signal)
    if (!(await moveFile(sql, { id: row.id, from, to }, signal))) return false
    await release(sql, row, signal)
    return true
  })
}

/** Deletes what the store holds of a file, then its row: in this order, so that a failure leaves a row to go on from. */
export async function purgeFile(
  { storage, database }: Pick<FileParts, 'storage' | 'database'>,
  row: FileRow,
  signal: AbortSignal,
): Promise<void> {
  await discardUpload(storage, row, signal)
  if (row.object_key !== null) await storage.delete(row.object_key, signal)
  await deleteFile(await database.sql(), row.id, signal)
}

/** Deletes what came in for an upload and is not needed any more, or never will be. */
export async function discardUpload(
  storage: ObjectStore,
  { id, flow, upload_id: uploadId }: Pick<FileRow, 'id' | 'flow' | 'upload_id'>,
  signal: AbortSignal,
): Promise<void> {
  if (uploadId !== null) await storage.multipart.abort({ key: wholeUploadKey(id), uploadId }, signal)
  if (flow === 'function') return
  for (let after: string | undefined = ''; after !== undefined;) {
    const { items, next } = await storage.list(
      { prefix: uploadPrefix(id), limit: 1_000, ...(after === '' ? {} : { after }) },
      signal,
    )
    for (const { key } of items) await storage.delete(key, signal)
    after = next
  }
}

const AT_A_TIME = 100

/** Purges all files of a user that are marked as deleted. What it does not come to is left to the sweep. */
export async function purgeFilesOf(
  parts: Pick<FileParts, 'storage' | 'database'>,
  userId: string,
  signal: AbortSignal,
): Promise<void> {
  const sql = await parts.database.sql()
  for (;;) {
    const rows = await walkFiles(sql, { statuses: ['deleted'], userId, limit: AT_A_TIME }, signal)
    for (const row of rows) await purgeFile(parts, row, signal)
    if (rows.length < AT_A_TIME) return
  }
}
