import type { Database, Queries } from '#shared/db/database.ts'
import { insertOnce } from '#shared/db/insert-once.ts'

/** What a user's files come to, those included that are still uploading; the row's lock makes quotas exact. */
export interface FileUsageTable {
  user_id: string
  /** PostgreSQL's driver gives it as text. */
  bytes: number | string
  files: number
}

export interface Usage {
  readonly bytes: number
  readonly files: number
}

/** Takes room for more, in the transaction of what needs it; false when it would be more than `most`. */
export async function takeUsage(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Database['dialect'] },
  { userId, more, most }: { readonly userId: string; readonly more: Usage; readonly most: Usage },
  signal: AbortSignal,
): Promise<boolean> {
  const take = () => addUsage(sql, { userId, more, most }, signal)
  if (await take()) return true
  const first = sql.insertInto('file_usage').values({ user_id: userId, bytes: 0, files: 0 })
  await insertOnce(first, dialect).execute({ signal })
  return take()
}

/** Gives room back, or settles a size that was not known before. */
export async function changeUsage(
  sql: Queries,
  userId: string,
  more: Usage,
  signal: AbortSignal,
): Promise<void> {
  await addUsage(sql, { userId, more }, signal)
}

async function addUsage(
  sql: Queries,
  { userId, more, most }: { readonly userId: string; readonly more: Usage; readonly most?: Usage },
  signal: AbortSignal,
): Promise<boolean> {
  const result = await sql
    .updateTable('file_usage')
    .set((column) => ({
      bytes: column('bytes', '+', more.bytes),
      files: column('files', '+', more.files),
    }))
    .where('user_id', '=', userId)
    .$if(most !== undefined, (query) =>
      query
        .where('bytes', '<=', (most?.bytes ?? 0) - more.bytes)
        .where('files', '<=', (most?.files ?? 0) - more.files),
    )
    .executeTakeFirst({ signal })
  return result.numUpdatedRows === 1n
}

export async function deleteUsage(sql: Queries, userId: string, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('file_usage').where('user_id', '=', userId).execute({ signal })
}
