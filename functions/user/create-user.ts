import type { InferOutput } from 'valibot'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { findUser, insertUserOnce, newUser } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Reply } from '#shared/http/route.ts'
import type { KeepReply } from '#shared/idempotency/idempotency.ts'
import { phoneColumns } from '#shared/users/phone-numbers.ts'
import { presentUserToAdmin } from '#shared/users/present-user.ts'
import type { AdminCall, AdministrationOptions } from './admin-call.ts'
import type { NewUser } from './schemas.ts'

type CreateUserCall = AdminCall<InferOutput<typeof NewUser>> & { readonly keep: KeepReply }

/** Inserts a user ahead of their first login. @throws Fault `conflict` when the openid is taken */
export async function createUser(
  { appId, database, phoneKeys, clock }: AdministrationOptions,
  { body, admin, invocation: { clientIp: ip, requestId }, keep }: CreateUserCall,
  signal: AbortSignal,
): Promise<Reply> {
  const now = new Date(clock())
  const { openid, phone, nickname = null, gender = 'unknown', locale = null, roles = [] } = body
  const blank = newUser({ appId, openid, now, nickname, gender, locale, roles: roles.join(',') })
  const user = { ...blank, ...(phone === undefined ? {} : phoneColumns(phoneKeys, blank.id, phone)) }
  return (await database.sql()).transaction().execute(async (sql) => {
    await insertUserOnce({ sql, dialect: database.dialect }, user, signal)
    const created = await findUser(sql, user.id, signal)
    if (created === undefined)
      throw new Fault('conflict', { details: [{ path: 'openid', message: 'a user has it already' }] })
    await insertAudit(
      sql,
      { action: 'user.created', actorId: admin.id, subjectId: user.id, ip, requestId },
      now,
      signal,
    )
    return keep(sql, { status: 201, data: presentUserToAdmin(created) })
  })
}
