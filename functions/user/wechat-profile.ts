import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { route } from '#shared/http/route.ts'
import { validate } from '#shared/http/validate.ts'
import type { CheckText } from './check-text.ts'
import type { RequireUser } from '#shared/backend/current-user.ts'
import { changeProfile } from './profile.ts'
import { locale, nickname, WechatProfile } from './schemas.ts'
import type { SessionData } from './session-data.ts'

/** What WeChat signed is still a stranger's text: the rules of PUT /user hold. */
const Taken = v.object({ nickName: nickname, language: v.nullable(locale) })
const GENDERS = ['unknown', 'male', 'female'] as const

export interface WechatProfileOptions {
  readonly database: Database
  readonly requireUser: RequireUser
  readonly checkText: CheckText
  readonly sessionData: SessionData
  readonly clock: Clock
}

/** POST /user/wechat-profile {rawData, signature} | {encryptedData, iv} → 200 the user, for older clients */
export function wechatProfile({
  database,
  requireUser,
  checkText,
  sessionData,
  clock,
}: WechatProfileOptions) {
  return route({
    method: 'POST',
    path: '/user/wechat-profile',
    body: WechatProfile,
    async handle({ request, body, signal }) {
      const { row, user } = await requireUser(request, signal)
      const info = sessionData.profile(row, body)
      const { nickName, language } = validate(Taken, {
        nickName: info.nickName,
        language: info.language || null,
      })
      await checkText(user, nickName, signal)
      const columns = {
        nickname: nickName,
        gender: GENDERS[info.gender],
        ...(language && { locale: language }),
      }
      return changeProfile(database, user, columns, new Date(clock()), signal)
    },
  })
}
