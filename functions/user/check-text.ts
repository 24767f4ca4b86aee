import { Fault } from '#shared/errors.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'
import type { SignedInUser } from '#shared/backend/current-user.ts'

/** Refuses text that WeChat's content safety calls risky; `wx` no longer checks nicknames for us. */
export type CheckText = (user: SignedInUser, nickname: string, signal: AbortSignal) => Promise<void>

export function createCheckText(wechat: Pick<Wechat, 'checkText'>): CheckText {
  return async ({ openid }, nickname, signal) => {
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
