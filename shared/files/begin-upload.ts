import { changeUsage, takeUsage } from '#shared/db/tables/file-usage.ts'
import { type FileRow, insertFile } from '#shared/db/tables/files.ts'
import { lockUser } from '#shared/db/tables/users.ts'
import { insertFileWithin } from '#shared/db/tables/insert-file-within.ts'
import type { Queries } from '#shared/db/database.ts'
import { Fault } from '#shared/errors.ts'
import { uuidv7 } from '#shared/ids.ts'
import { claimedType } from '#shared/media/claimed-type.ts'
import { safeFileName } from '#shared/media/file-name.ts'
import type { FileParts } from './file-parts.ts'
import { type Purpose, PURPOSES } from './purposes.ts'

/** What a client says about a file before it sends any of it. */
export interface Announcement {
  readonly name: string
  readonly contentType: string
  readonly purpose: Purpose
  /** At most this many bytes will come. */
  readonly sizeBytes: number
}

export interface NewFile {
  readonly userId: string
  readonly flow: FileRow['flow']
  readonly lifeMs: number
}

/**
 * The row of a file that is about to come.
 *
 * @throws Fault unsupported_media_type, payload_too_large when files of its purpose are smaller
 */
export function newFile(
  { clock }: Pick<FileParts, 'clock'>,
  announced: Announcement,
  { userId, flow, lifeMs }: NewFile,
): FileRow {
  const { types, maxBytes } = PURPOSES[announced.purpose]
  const type = claimedType({ ...announced, allowed: types })
  if (announced.sizeBytes > maxBytes)
    throw new Fault('payload_too_large', { details: [{ reason: 'size', maxBytes }] })
  const now = new Date(clock())
  return {
    id: uuidv7(now.getTime()),
    user_id: userId,
    purpose: announced.purpose,
    status: 'uploading',
    reason: null,
    flow,
    name: safeFileName(announced.name),
    content_type: type,
    size_bytes: announced.sizeBytes,
    sha256: null,
    etag: null,
    object_key: null,
    upload_id: null,
    upload_metadata: null,
    scanned_at: null,
    trace_id: null,
    check_due_at: null,
    times_asked: 0,
    expires_at: new Date(now.getTime() + lifeMs),
    created_at: now,
    updated_at: now,
  }
}

/**
 * Keeps the row and the room that the file will need, both or neither.
 *
 * @throws Fault quota_exceeded, token_revoked for a user who is gone
 */
export async function reserve(
  { database, quota }: Pick<FileParts, 'database' | 'quota'>,
  { sql, row }: { readonly sql: Queries; readonly row: FileRow },
  signal: AbortSignal,
): Promise<void> {
  // Whoever deletes the account meanwhile waits for us, and finds the file.
  const owner = await lockUser(sql, row.user_id, signal)
  if (owner?.status !== 'active') throw new Fault('token_revoked')
  const taking = { userId: row.user_id, more: { bytes: row.size_bytes, files: 1 }, most: quota }
  if (!(await takeUsage({ sql, dialect: database.dialect }, taking, signal))) {
    throw new Fault('quota_exceeded', { details: [{ maxBytes: quota.bytes, maxFiles: quota.files }] })
  }
  await insertFile(sql, row, signal)
}

/** As `reserve`, in a transaction of its own: on PostgreSQL usually a single statement. */
export async function reserveAlone(
  parts: Pick<FileParts, 'database' | 'quota'>,
  row: FileRow,
  signal: AbortSignal,
): Promise<void> {
  const { database, quota } = parts
  if (database.dialect === 'postgres' && (await insertFileWithin(database, { row, most: quota }, signal)))
    return
  await (await database.sql()).transaction().execute((sql) => reserve(parts, { sql, row }, signal))
}

/** Gives back the room of a file that is no more. */
export function release(sql: Queries, row: FileRow, signal: AbortSignal): Promise<void> {
  return changeUsage(sql, row.user_id, { bytes: -row.size_bytes, files: -1 }, signal)
}
