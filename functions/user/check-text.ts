import type { UserRow } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'

/** Refuses text that WeChat's content safety calls risky; `wx` no longer checks nicknames for us. */
export type CheckText = (user: UserRow, nickname: string, signal: AbortSignal) => Promise<void>

export function createCheckText(wechat: Pick<Wechat, 'checkText'>): CheckText {
  return async ({ openid }, nickname, signal) => {
    if (openid === null) return // made by an admin and not seen by WeChat yet: nobody to ask about
    const { suggest } = await wechat.checkText(
      { content: nickname, nickname, openid, scene: 'profile' },
      signal,
    )
    if (suggest === 'pass') return
    throw new Fault('validation_failed', {
      details: [{ path: 'nickname', message: 'refused by content safety' }],
    })
  }
}
