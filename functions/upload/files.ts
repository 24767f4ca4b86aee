import type { CurrentUser } from '#shared/backend/current-user.ts'
import { type FileChange, type FileRow, listFiles, moveFile } from '#shared/db/tables/files.ts'
import { clearAvatar } from '#shared/db/tables/users.ts'
import { newFileKey } from '#shared/files/object-keys.ts'
import { claimedBy } from '#shared/files/take-in.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { presentFile, presentFileToAdmin } from '#shared/files/present-file.ts'
import { markDeleted } from '#shared/files/remove-file.ts'
import { Fault } from '#shared/errors.ts'
import { type Route, route } from '#shared/http/route.ts'
import { readCursor, writeCursor } from '#shared/http/id-cursor.ts'
import { rolesOf } from '#shared/users/present-user.ts'
import { afterwards } from './afterwards.ts'
import { dispositionOf, LINK_LIFE_S, openFile } from './open-file.ts'
import { anyFile, ownFile } from './own-file.ts'
import { FileList, FileReading, FileReview } from './schemas.ts'
import type { UploadRouteOptions } from './upload-options.ts'

const VISIBLE = ['pending', 'ready', 'quarantined'] as const

/** Files that have been taken in. */
export function fileRoutes(options: UploadRouteOptions): readonly Route[] {
  const { database, storage, clock, requireUser, requireAdmin } = options

  return [
    /** GET /files?status&purpose&limit&cursor → 200 {items, nextCursor}, newest first; `scope=all` for admins */
    route({
      method: 'GET',
      path: '/files',
      query: FileList,
      async handle({ request, query, signal }) {
        const isAll = query.scope === 'all'
        const { user } = await (isAll ? requireAdmin : requireUser)(request, signal)
        const { limit, purpose, cursor } = query
        const statuses = query.status === undefined ? VISIBLE : [query.status]
        const beforeId = cursor === undefined ? undefined : readCursor(cursor)
        const page = { statuses, purpose, beforeId, limit: limit + 1, ...(isAll ? {} : { userId: user.id }) }
        const rows = await listFiles(await database.sql(), page, signal)
        const items = rows.slice(0, limit).map(isAll ? presentFileToAdmin : presentFile)
        const last = rows.length > limit ? items.at(-1) : undefined
        return { data: { items, nextCursor: last === undefined ? null : writeCursor(last.id) } }
      },
    }),
    /** GET, HEAD /files/{id} → 200, 206, 304, 412, 416 with the contents, or 302 to the bucket */
    route({
      method: 'GET',
      path: '/files/{id}',
      query: FileReading,
      timeoutMs: Infinity,
      async handle({ request, params, query, invocation: { platform }, signal }) {
        const current = await requireUser(request, signal)
        const row = await readable(current, params['id'], signal)
        return openFile(options, { request, row, kind: query.disposition, platform }, signal)
      },
    }),
    /** GET /files/{id}/link → 200 {url, expiresAt}, for `<image src>` and players, which send no token */
    route({
      method: 'GET',
      path: '/files/{id}/link',
      query: FileReading,
      async handle({ request, params, query, signal }) {
        const current = await requireUser(request, signal)
        const row = await readable(current, params['id'], signal)
        const url = storage.presignGet(row.object_key ?? '', {
          expiresInS: LINK_LIFE_S,
          contentDisposition: dispositionOf(row, query.disposition),
        })
        return { data: { url, expiresAt: new Date(clock() + LINK_LIFE_S * 1_000).toISOString() } }
      },
    }),
    /** PUT /files/{id} {status: ready|quarantined} → 200 the file: what a person decided about it (admin) */
    route({
      method: 'PUT',
      path: '/files/{id}',
      body: FileReview,
      async handle({ request, params, body, invocation, signal }) {
        const { user: admin } = await requireAdmin(request, signal)
        const row = await anyFile(database, params['id'], signal)
        const now = new Date(clock())
        const reason = body.status === 'ready' ? null : 'review'
        const moved = body.status === 'quarantined' ? await elsewhere(row, signal) : {}
        await (await database.sql()).transaction().execute(async (sql) => {
          if (body.status === 'quarantined')
            await clearAvatar(sql, { userId: row.user_id, fileId: row.id }, signal)
          const to = { status: body.status, reason, check_due_at: null, updated_at: now, ...moved }
          if (!(await moveFile(sql, { id: row.id, from: [row.status], to }, signal)))
            throw new Fault('conflict')
          const { clientIp: ip, requestId } = invocation
          const details = { fileId: row.id, status: body.status }
          const actor = { actorId: admin.id, subjectId: row.user_id, ip, requestId }
          await insertAudit(sql, { action: 'file.reviewed', ...actor, details }, now, signal)
        })
        if (moved.object_key !== undefined && row.object_key !== null)
          await storage.delete(row.object_key, signal).catch(() => {}) // a sweep finds it
        return { data: presentFileToAdmin({ ...row, status: body.status, reason }) }
      },
    }),
    /** DELETE /files/{id} → 200 {}: gone for everybody at once */
    route({
      method: 'DELETE',
      path: '/files/{id}',
      async handle({ request, params, invocation, signal }) {
        const { user } = await requireUser(request, signal)
        const row = await ownFile(database, { user, id: params['id'] }, signal)
        if (!(await markDeleted(options, { row, from: VISIBLE }, signal))) throw new Fault('not_found')
        invocation.waitUntil(afterwards(options, { before: row, openid: user.openid }, invocation.signal))
        return {}
      },
    }),
  ]

  /** Where no link that somebody has already been given leads: the object of a file that was readable moves. */
  async function elsewhere(
    row: FileRow,
    signal: AbortSignal,
  ): Promise<Pick<FileChange, 'object_key' | 'etag'>> {
    if (row.status !== 'ready' || row.object_key === null || row.etag === null) return {}
    const to = newFileKey(row, claimedBy(row))
    const copy = await storage.copy({ from: row.object_key, to, ifMatch: row.etag }, signal)
    if (copy === undefined) throw new Fault('not_found')
    return { object_key: to, etag: copy.etag }
  }

  /** A file whose contents the caller may see: their own once it is ready, any for an admin. */
  async function readable(
    { user }: CurrentUser,
    id: string | undefined,
    signal: AbortSignal,
  ): Promise<FileRow> {
    const isAdmin = rolesOf(user).includes('admin')
    const row = isAdmin ? await anyFile(database, id, signal) : await ownFile(database, { user, id }, signal)
    if (row.object_key === null) throw new Fault('not_found')
    if (isAdmin || row.status === 'ready') return row
    const details = [{ status: row.status }]
    throw row.status === 'pending'
      ? new Fault('conflict', { details, retryAfterS: 5 })
      : new Fault('forbidden', { details })
  }
}
