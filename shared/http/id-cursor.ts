import { Fault } from '#shared/errors.ts'
import { isUuid } from '#shared/ids.ts'

/** The opaque text by which a client asks for what follows the row `id`. */
export function writeCursor(id: string): string {
  return Buffer.from(`id:${id}`).toString('base64url')
}

/** The id that a page's cursor stands for. @throws Fault `validation_failed` for a cursor that is not ours */
export function readCursor(cursor: string): string {
  const [, id = ''] = /^id:(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (!isUuid(id))
    throw new Fault('validation_failed', { details: [{ path: 'cursor', message: 'is not one of ours' }] })
  return id
}
