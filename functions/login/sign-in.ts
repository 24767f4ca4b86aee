import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { findUser, updateUser, type UserChange, type UserRow } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Guard } from '#shared/guard/guard.ts'
import type { Invocation } from '#shared/http/app.ts'
import { type Call, type Reply, route } from '#shared/http/route.ts'
import type { StartSession } from '#shared/tokens/session-starter.ts'
import { findOrCreateUser } from '#shared/users/find-or-create-user.ts'
import { rolesOf } from '#shared/users/present-user.ts'
import type { CodeExchange } from '#shared/wechat/code-exchange.ts'
import type { InferOutput } from 'valibot'
import type { Present } from './present-session.ts'
import { SignIn } from './schemas.ts'

export interface SignInOptions {
  readonly appId: string
  readonly database: Database
  readonly exchange: CodeExchange
  readonly guard: Pick<Guard, 'identified'>
  readonly startSession: StartSession
  readonly present: Present
  /** openids that are made admins when they sign in. */
  readonly adminOpenids: readonly string[]
  readonly clock: Clock
}

/** POST /login {code, device?} → 200 {accessToken, expiresInS, refreshToken, refreshExpiresInS, signing, user} */
export function signIn(options: SignInOptions) {
  const { appId, database, exchange, guard, startSession, present, adminOpenids, clock } = options

  async function handle({
    request,
    body,
    invocation,
    signal,
  }: Call<InferOutput<typeof SignIn>>): Promise<Reply> {
    const { openid, unionid, sessionKey } = await exchange(body.code, signal)
    const found = await findOrCreateUser(database, { appId, openid, unionid }, new Date(clock()), signal)
    if (found.status !== 'active') throw new Fault('forbidden', { details: [{ reason: 'user_banned' }] })
    await guard.identified({ request, invocation, signal }, found.id)
    const user = await bringUpToDate(found, { openid, unionid }, invocation, signal)
    const { clientIp: ip, requestId } = invocation
    const start = { userId: user.id, ip, requestId, wechatKey: sessionKey, device: body.device }
    return { data: present(await startSession(start, signal), user) }
  }

  /** Notes a unionid that WeChat now gives, and the admin role for a listed openid. */
  async function bringUpToDate(
    user: UserRow,
    { openid, unionid }: { readonly openid: string; readonly unionid?: string | undefined },
    invocation: Invocation,
    signal: AbortSignal,
  ): Promise<UserRow> {
    const change: UserChange = {
      ...(unionid === undefined || unionid === user.unionid ? {} : { unionid }),
      ...(adminOpenids.includes(openid) && !rolesOf(user).includes('admin')
        ? { roles: [...rolesOf(user), 'admin'].join(',') }
        : {}),
    }
    if (Object.keys(change).length === 0) return user
    const now = new Date(clock())
    await (await database.sql()).transaction().execute(async (sql) => {
      await updateUser(sql, user.id, { ...change, updated_at: now }, signal)
      if (change.roles === undefined) return
      const { clientIp: ip, requestId } = invocation
      await insertAudit(
        sql,
        { action: 'user.made_admin', actorId: null, subjectId: user.id, ip, requestId },
        now,
        signal,
      )
    })
    return (await findUser(await database.sql(), user.id, signal)) ?? user
  }

  return route({ method: 'POST', path: '/login', body: SignIn, handle })
}
