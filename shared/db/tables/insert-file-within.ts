import type { Database } from '#shared/db/database.ts'
import type { Usage } from './file-usage.ts'
import type { FileRow } from './files.ts'

/**
 * Takes a file's room and inserts its row by one statement, both or neither; false when the user is no more, has no usage
 * yet, or not enough room below `most`. Whoever deletes the account meanwhile waits, and finds the file. PostgreSQL only: MySQL changes nothing inside `with`.
 */
export async function insertFileWithin(
  database: Pick<Database, 'query'>,
  { row, most }: { readonly row: FileRow; readonly most: Usage },
  signal: AbortSignal,
): Promise<boolean> {
  const names = Object.keys(row) // of our own type, so fit for a statement
  const room = [row.size_bytes, row.user_id, most.bytes - row.size_bytes, most.files - 1]
  const text = `
    with owner as (select id from users where id = $2 and status = 'active' for share),
    room as (
      update file_usage set bytes = bytes + $1, files = files + 1
      where user_id = (select id from owner) and bytes <= $3 and files <= $4 returning user_id
    )
    insert into files (${names.join(', ')})
    select ${names.map((_, at) => `$${room.length + at + 1}`).join(', ')} from room returning id`
  const inserted = await database.query(text, [...room, ...Object.values(row)], signal)
  return inserted.length === 1
}
