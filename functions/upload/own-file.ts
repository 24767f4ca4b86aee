import type { CurrentUser } from '#shared/backend/current-user.ts'
import type { Database } from '#shared/db/database.ts'
import { type FileRow, findFile } from '#shared/db/tables/files.ts'
import { Fault } from '#shared/errors.ts'
import { isUuid } from '#shared/ids.ts'

/** A file or an upload of the caller's. @throws Fault `not_found`, also for somebody else's */
export async function ownFile(
  database: Database,
  { user, id }: { readonly user: CurrentUser['user']; readonly id: string | undefined },
  signal: AbortSignal,
): Promise<FileRow> {
  const row = await anyFile(database, id, signal)
  if (row.user_id !== user.id) throw new Fault('not_found')
  return row
}

/** Anybody's, for those who have asked who calls. @throws Fault `not_found` */
export async function anyFile(
  database: Database,
  id: string | undefined,
  signal: AbortSignal,
): Promise<FileRow> {
  const row = id !== undefined && isUuid(id) ? await findFile(await database.sql(), id, signal) : undefined
  if (row === undefined || row.status === 'deleted' || row.status === 'lost') throw new Fault('not_found')
  return row
}
