import type { UserRow } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import { isUuid } from '#shared/ids.ts'
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

function writeCursor(id: string): string {
  return Buffer.from(`id:${id}`).toString('base64url')
}

/** The id that a page's cursor stands for. @throws Fault `validation_failed` for a cursor that is not ours */
export function readCursor(cursor: string): string {
  const [, id = ''] = /^id:(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (!isUuid(id))
    throw new Fault('validation_failed', { details: [{ path: 'cursor', message: 'is not one of ours' }] })
  return id
}
