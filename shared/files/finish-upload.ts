import { changeUsage } from '#shared/db/tables/file-usage.ts'
import { type FileRow, findFile, moveFile } from '#shared/db/tables/files.ts'
import { Fault } from '#shared/errors.ts'
import { release } from './begin-upload.ts'
import type { FileParts } from './file-parts.ts'
import { discardUpload } from './remove-file.ts'
import type { Safety } from './safety.ts'
import type { StoredFile } from './store-inspected.ts'

/** For what must be tidied up although the caller's own time is over. */
const TIDY_MS = 5_000
/** When a sweep looks whether whoever stored the file has had it examined. */
const EXAMINED_MS = 60_000

/**
 * Takes an upload in by `store` and makes its row the file. However many do so at once, one has an effect and all
 * answer with the file.
 *
 * @throws Fault what `store` throws; a file that is refused stays so
 */
export async function finishUpload(
  parts: FileParts & { readonly safety: Safety },
  row: FileRow,
  { store, signal }: { readonly store: () => Promise<StoredFile>; readonly signal: AbortSignal },
): Promise<FileRow> {
  if (row.status === 'refused') throw refusal(row.reason)
  if (row.status === 'deleted' || row.status === 'lost') throw new Fault('not_found')
  if (row.status !== 'uploading') return row
  const stored = await store().catch(async (error: unknown) => {
    // Another call may have been faster, and have tidied up what this one was looking at.
    const current = await findFile(await parts.database.sql(), row.id, signal)
    return current?.status === 'uploading' ? refused(parts, row, error) : undefined
  })
  const finished = stored && (await settle(parts, row, { stored, signal }))
  if (finished !== undefined) return finished
  const current = await findFile(await parts.database.sql(), row.id, signal)
  if (current === undefined || current.status === 'uploading') throw new Fault('not_found')
  return finishUpload(parts, current, { store, signal })
}

/**
 * Makes the row the file that was stored. Undefined when another call has moved it on: what was stored for nothing then
 * goes. After a failure it stays, since the row may well have been committed; if not, a sweep finds the object.
 */
export async function settle(
  { database, storage, clock, safety }: FileParts & { readonly safety: Safety },
  row: FileRow,
  { stored, signal }: { readonly stored: StoredFile; readonly signal: AbortSignal },
): Promise<FileRow | undefined> {
  const now = clock()
  const isPending = safety.isDemanded(row)
  const change = {
    status: isPending ? 'pending' : 'ready',
    size_bytes: stored.sizeBytes,
    sha256: stored.sha256,
    etag: stored.etag,
    object_key: stored.key,
    expires_at: null,
    check_due_at: isPending ? new Date(now + EXAMINED_MS) : null,
    updated_at: new Date(now),
  } as const
  const file = await (await database.sql()).transaction().execute(async (sql) => {
    if (!(await moveFile(sql, { id: row.id, from: ['uploading'], to: change }, signal))) return undefined
    await changeUsage(sql, row.user_id, { bytes: stored.sizeBytes - row.size_bytes, files: 0 }, signal)
    return { ...row, ...change }
  })
  if (file === undefined) await storage.delete(stored.key, AbortSignal.timeout(TIDY_MS)).catch(() => {}) // a sweep finds it
  return file
}

/** What will never become a file is remembered as refused; any other failure may be tried again. */
async function refused(
  { database, storage, clock }: FileParts,
  row: FileRow,
  error: unknown,
): Promise<never> {
  const isFinal =
    error instanceof Fault &&
    (error.error === 'unsupported_media_type' || error.error === 'payload_too_large')
  if (!isFinal) throw error
  const told = error.details[0]?.['reason']
  const reason = typeof told === 'string' ? told : error.error
  const signal = AbortSignal.timeout(TIDY_MS)
  await (await database.sql()).transaction().execute(async (sql) => {
    const to = { status: 'refused', reason, updated_at: new Date(clock()) } as const
    if (await moveFile(sql, { id: row.id, from: ['uploading'], to }, signal)) await release(sql, row, signal)
  })
  await discardUpload(storage, row, signal).catch(() => {}) // a sweep finds it
  throw error
}

function refusal(reason: string | null): Fault {
  const error = reason === 'size' ? 'payload_too_large' : 'unsupported_media_type'
  return new Fault(error, { details: [{ reason: reason ?? 'refused' }] })
}
