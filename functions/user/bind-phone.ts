import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { updateUser } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import { type Call, type Reply, route } from '#shared/http/route.ts'
import { maskPhone, phoneColumns, type PhoneKeys } from '#shared/users/phone-numbers.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'
import type { InferOutput } from 'valibot'
import type { CurrentUser, RequireUser } from '#shared/backend/current-user.ts'
import type { RequireFreshLogin } from './fresh-login.ts'
import { PhoneBinding } from './schemas.ts'
import type { SessionData } from './session-data.ts'

export interface BindPhoneOptions {
  readonly database: Database
  readonly requireUser: RequireUser
  readonly requireFreshLogin: RequireFreshLogin
  readonly wechat: Pick<Wechat, 'phoneNumber'>
  readonly sessionData: SessionData
  readonly phoneKeys: PhoneKeys
  readonly clock: Clock
}

/**
 * POST /user/phone {code} → 200 {phoneMasked}, with the code of `<button open-type="getPhoneNumber">`; older clients
 * send {encryptedData, iv} instead. Replacing a number needs a fresh login.
 */
export function bindPhone(options: BindPhoneOptions) {
  const { database, requireUser, requireFreshLogin, wechat, sessionData, phoneKeys, clock } = options

  async function handle({
    request,
    body,
    invocation,
    signal,
  }: Call<InferOutput<typeof PhoneBinding>>): Promise<Reply> {
    const current = await requireUser(request, signal)
    const { user } = current
    if (user.phone_index !== null) await requireFreshLogin(current, body.loginCode, signal)
    const number = await readNumber(current, body, signal)
    const now = new Date(clock())
    await (await database.sql()).transaction().execute(async (sql) => {
      const change = { ...phoneColumns(phoneKeys, user.id, number), updated_at: now }
      if (!(await updateUser(sql, user.id, change, signal))) throw new Fault('token_revoked')
      const { clientIp: ip, requestId } = invocation
      await insertAudit(
        sql,
        { action: 'user.phone_bound', actorId: user.id, subjectId: user.id, ip, requestId },
        now,
        signal,
      )
    })
    return { data: { phoneMasked: maskPhone(number) } }
  }

  async function readNumber(
    { row, user }: CurrentUser,
    body: InferOutput<typeof PhoneBinding>,
    signal: AbortSignal,
  ) {
    if ('encryptedData' in body) return sessionData.phoneNumber(row, body)
    const { number } = await wechat.phoneNumber(body.code, user.openid, signal)
    return number
  }

  return route({ method: 'POST', path: '/user/phone', body: PhoneBinding, handle })
}
