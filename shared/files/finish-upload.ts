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
  const finished = stored && (await settleOrDiscard(parts, row, { stored, signal }))
  if (finished !== undefined) return finished
  const current = await findFile(await parts.database.sql(), row.id, signal)
  if (current === undefined || current.status === 'uploading') throw new Fault('not_found')
  return finishUpload(parts, current, { store, signal })
}

/** As `settle`; what was stored for nothing goes. */
async function settleOrDiscard(
  parts: FileParts & { readonly safety: Safety },
  row: FileRow,
  settling: { readonly stored: StoredFile; readonly signal: AbortSignal },
): Promise<FileRow | undefined> {
  let file: FileRow | undefined
  try {
    file = await settle(parts, row, settling)
    return file
  } finally {
    if (file === undefined)
      await parts.storage.delete(settling.stored.key, AbortSignal.timeout(TIDY_MS)).catch(() => {}) // a sweep finds it
  }
}

/** Makes the row the file that was stored; undefined when another call has moved it on. */
export async function settle(
  { database, clock, safety }: FileParts & { readonly safety: Safety },
  row: FileRow,
  { stored, signal }: { readonly stored: StoredFile; readonly signal: AbortSignal },
): Promise<FileRow | undefined> {
  const change = {
    status: safety.isDemanded(row) ? 'pending' : 'ready',
    size_bytes: stored.sizeBytes,
    sha256: stored.sha256,
    etag: stored.etag,
    object_key: stored.key,
    expires_at: null,
    updated_at: new Date(clock()),
  } as const
  return (await database.sql()).transaction().execute(async (sql) => {
    if (!(await moveFile(sql, { id: row.id, from: ['uploading'], to: change }, signal))) return undefined
    await changeUsage(sql, row.user_id, { bytes: stored.sizeBytes - row.size_bytes, files: 0 }, signal)
    return { ...row, ...change }
  })
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
  return new Fault('unsupported_media_type', { details: [{ reason: reason ?? 'refused' }] })
}
