import type { Selectable } from 'kysely'
import type { Queries } from '#shared/db/database.ts'

/**
 * `uploading`: begun, nothing looked at yet. `pending`: stored, not yet found safe. `ready`: may be read. `quarantined`:
 * found unsafe, for admins only. `refused`: not what it claimed to be, nothing is kept. `deleted`: its object is still
 * to be deleted. `lost`: its object has vanished from the store.
 */
export type FileStatus = 'uploading' | 'pending' | 'ready' | 'quarantined' | 'refused' | 'deleted' | 'lost'

export interface FilesTable {
  /** UUIDv7. */
  id: string
  user_id: string
  purpose: string
  status: FileStatus
  /** Why it is refused or quarantined. */
  reason: string | null
  /** How it comes: a form or parts that go straight to the store, through the function, or by tus. */
  flow: 'form' | 'parts' | 'function' | 'tus'
  /** As the client called it, for people. */
  name: string
  /** As claimed while it is uploading, as found out from then on. */
  content_type: string
  /** As announced while it is uploading, as stored from then on. */
  size_bytes: number
  /** In hex; null where the bytes went straight to the store. */
  sha256: string | null
  etag: string | null
  /** Where the looked-at object is; no client is ever let write there. */
  object_key: string | null
  /** The store's id of an upload in parts. */
  upload_id: string | null
  /** What a tus client said about the upload, as it said it. */
  upload_metadata: string | null
  /** When a virus scanner found nothing. */
  scanned_at: Date | null
  /** Under which content safety will tell its verdict. */
  trace_id: string | null
  /** While it is pending: when a sweep is to go on with what has to find it safe. */
  check_due_at: Date | null
  times_asked: number
  /** Until when an upload may go on. */
  expires_at: Date | null
  created_at: Date
  updated_at: Date
}

export type FileRow = Selectable<FilesTable>
export type FileChange = Partial<FileRow>

export async function insertFile(sql: Queries, row: FileRow, signal: AbortSignal): Promise<void> {
  await sql.insertInto('files').values(row).execute({ signal })
}

export function findFile(sql: Queries, id: string, signal: AbortSignal): Promise<FileRow | undefined> {
  return sql.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirst({ signal })
}

/** Changes a file that is still in one of the states given; false when another call has moved it on. */
export async function moveFile(
  sql: Queries,
  { id, from, to }: { readonly id: string; readonly from: readonly FileStatus[]; readonly to: FileChange },
  signal: AbortSignal,
): Promise<boolean> {
  const result = await sql
    .updateTable('files')
    .set(to)
    .where('id', '=', id)
    .where('status', 'in', from)
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

/** Files of a user that have these purposes, newest first, locked until the transaction ends. */
export function lockFilesOf(
  sql: Queries,
  { userId, purposes, statuses, limit }: FilesToLock,
  signal: AbortSignal,
): Promise<Pick<FileRow, 'id' | 'size_bytes'>[]> {
  return sql
    .selectFrom('files')
    .select(['id', 'size_bytes'])
    .where('user_id', '=', userId)
    .where('purpose', 'in', purposes)
    .where('status', 'in', statuses)
    .orderBy('id', 'desc')
    .limit(limit)
    .forUpdate()
    .execute({ signal })
}

export interface FilesToLock {
  readonly userId: string
  readonly purposes: readonly string[]
  readonly statuses: readonly FileStatus[]
  readonly limit: number
}

/** Changes files that the transaction has locked. */
export async function changeFiles(
  sql: Queries,
  ids: readonly string[],
  to: FileChange,
  signal: AbortSignal,
): Promise<void> {
  await sql.updateTable('files').set(to).where('id', 'in', ids).execute({ signal })
}

export async function deleteFile(sql: Queries, id: string, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('files').where('id', '=', id).execute({ signal })
}

export interface FilePage {
  readonly statuses: readonly FileStatus[]
  readonly limit: number
  /** Whose; everybody's unless given. */
  readonly userId?: string | undefined
  readonly purpose?: string | undefined
  readonly beforeId?: string | undefined
}

/** Files of these states, newest first. */
export function listFiles(sql: Queries, page: FilePage, signal: AbortSignal): Promise<FileRow[]> {
  const { statuses, limit, userId, purpose, beforeId } = page
  return sql
    .selectFrom('files')
    .selectAll()
    .where('status', 'in', statuses)
    .$if(userId !== undefined, (query) => query.where('user_id', '=', userId ?? ''))
    .$if(purpose !== undefined, (query) => query.where('purpose', '=', purpose ?? ''))
    .$if(beforeId !== undefined, (query) => query.where('id', '<', beforeId ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute({ signal })
}

/** Files of these states after `afterId`, oldest first: what a sweep walks through. */
export function walkFiles(
  sql: Queries,
  { statuses, userId, afterId, limit }: FileWalk,
  signal: AbortSignal,
): Promise<FileRow[]> {
  return sql
    .selectFrom('files')
    .selectAll()
    .where('status', 'in', statuses)
    .$if(userId !== undefined, (query) => query.where('user_id', '=', userId ?? ''))
    .$if(afterId !== undefined, (query) => query.where('id', '>', afterId ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute({ signal })
}

export interface FileWalk {
  readonly statuses: readonly FileStatus[]
  readonly limit: number
  readonly userId?: string
  readonly afterId?: string | undefined
}

/** Uploads whose time was over at `before`. */
export function listExpiredUploads(
  sql: Queries,
  { before, limit }: { readonly before: Date; readonly limit: number },
  signal: AbortSignal,
): Promise<FileRow[]> {
  return sql
    .selectFrom('files')
    .selectAll()
    .where('status', '=', 'uploading')
    .where('expires_at', '<', before)
    .orderBy('id')
    .limit(limit)
    .execute({ signal })
}

/** Pending files that somebody has to go on with, with their owners' openids; the longest due first. */
export function listDueChecks(
  sql: Queries,
  { now, limit }: { readonly now: Date; readonly limit: number },
  signal: AbortSignal,
): Promise<(FileRow & { readonly openid: string | null })[]> {
  return sql
    .selectFrom('files')
    .innerJoin('users', 'users.id', 'files.user_id')
    .selectAll('files')
    .select('users.openid')
    .where('files.status', '=', 'pending')
    .where('files.check_due_at', '<=', now)
    .orderBy('files.check_due_at')
    .limit(limit)
    .execute({ signal })
}

export function findFilesById(sql: Queries, ids: readonly string[], signal: AbortSignal): Promise<FileRow[]> {
  if (ids.length === 0) return Promise.resolve([])
  return sql.selectFrom('files').selectAll().where('id', 'in', ids).execute({ signal })
}

export function findFileByTrace(
  sql: Queries,
  traceId: string,
  signal: AbortSignal,
): Promise<FileRow | undefined> {
  return sql.selectFrom('files').selectAll().where('trace_id', '=', traceId).executeTakeFirst({ signal })
}

/** Marks all of a user's files as deleted, their names gone; the objects follow. */
export async function eraseFiles(
  sql: Queries,
  userId: string,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  await sql
    .updateTable('files')
    .set({
      status: 'deleted',
      name: '',
      sha256: null,
      trace_id: null,
      upload_metadata: null,
      updated_at: now,
    })
    .where('user_id', '=', userId)
    .execute({ signal })
}
