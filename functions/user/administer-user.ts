import type { InferOutput } from 'valibot'
import type { Queries } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { updateUser, type UserRow } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Reply } from '#shared/http/route.ts'
import { presentUserToAdmin } from '#shared/users/present-user.ts'
import type { AdminCall, AdministrationOptions } from './admin-call.ts'
import type { UserAdministration } from './schemas.ts'

/** Sets a user's status and roles; a ban ends their sessions in the same transaction. */
export async function administerUser(
  { database, ender, clock }: AdministrationOptions,
  user: UserRow,
  { body: { status, roles }, admin, invocation }: AdminCall<InferOutput<typeof UserAdministration>>,
  signal: AbortSignal,
): Promise<Reply> {
  if (user.id === admin.id)
    throw new Fault('conflict', { details: [{ message: 'administer yourself through another admin' }] })
  const { clientIp: ip, requestId } = invocation
  const now = new Date(clock())
  const change = {
    ...(status === undefined ? {} : { status }),
    ...(roles === undefined ? {} : { roles: roles.join(',') }),
    updated_at: now,
  }
  const apply = async (sql: Queries) => {
    if (!(await updateUser(sql, user.id, change, signal))) throw new Fault('not_found')
    const details = { status, roles }
    await insertAudit(
      sql,
      { action: 'user.administered', actorId: admin.id, subjectId: user.id, ip, requestId, details },
      now,
      signal,
    )
  }
  const ending = { userId: user.id, reason: 'banned', actorId: admin.id, ip, requestId } as const
  if (status === 'banned' && user.status !== 'banned') await ender.endAll(ending, apply, signal)
  else await (await database.sql()).transaction().execute(apply)
  return { data: presentUserToAdmin({ ...user, ...change }) }
}
