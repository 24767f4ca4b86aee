import type { UserRow } from '#shared/db/tables/users.ts'
import { writeCursor } from '#shared/http/id-cursor.ts'
import { presentUserToAdmin } from '#shared/users/present-user.ts'

/** A page of a list that was read with one row more, to know whether another page follows. */
export function userPage(rows: readonly UserRow[], limit: number) {
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(presentUserToAdmin),
    nextCursor: last === undefined ? null : writeCursor(last.id),
  }
}
