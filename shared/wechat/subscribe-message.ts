import { number, object, optional, string, union } from 'valibot'
import type { TokenCaller } from './call-with-token.ts'
import type { Errcodes } from './errcodes.ts'

export const MINI_PROGRAM_STATES = ['developer', 'trial', 'formal'] as const

export interface SubscribeMessage {
  readonly openid: string
  readonly templateId: string
  /** The template's fields, such as `thing1`, in the forms of `fitField`. */
  readonly values: Readonly<Record<string, string>>
  /** What a tap opens, query included. */
  readonly page?: string | undefined
  /** Which version a tap opens; the released one unless given. */
  readonly state?: (typeof MINI_PROGRAM_STATES)[number] | undefined
}

export type SendSubscribeMessage = (message: SubscribeMessage, signal: AbortSignal) => Promise<void>

const FINAL = { kind: 'final', fault: 'validation_failed' } as const

const SUBSCRIBE_ERRCODES: Errcodes = {
  // Of a subscription for one message it also means that the one was sent.
  43101: { kind: 'final', fault: 'forbidden', reason: 'subscription_refused' },
  43107: {
    kind: 'final',
    fault: 'forbidden',
    reason: 'subscription_banned',
    advice: 'Subscribe messages of this category are banned: see the mini-program console',
  },
  43108: { kind: 'quota', fault: 'rate_limited' },
  40037: {
    ...FINAL,
    reason: 'template_unknown',
    advice: 'A template id of WECHAT_SUBSCRIBE_TEMPLATES is not among the mini-program’s own',
  },
  45168: { ...FINAL, reason: 'sensitive_word' },
  47003: {
    ...FINAL,
    reason: 'argument_invalid',
    advice: 'A value does not fit the template; the message names the field',
  },
}

const Answer = object({ msgid: optional(union([number(), string()])) })

/**
 * Sends a message that the user has subscribed to. Not repeatable: sent twice it arrives twice.
 *
 * @throws Fault forbidden for a user who does not want it, validation_failed for what WeChat will never take; rate_limited,
 *   upstream_failed, upstream_timeout
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
 */
export function sendSubscribeMessage(call: TokenCaller): SendSubscribeMessage {
  return async ({ openid, templateId, values, page, state }, signal) => {
    const data = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]))
    await call(
      {
        method: 'POST',
        path: '/cgi-bin/message/subscribe/send',
        body: { touser: openid, template_id: templateId, page, data, miniprogram_state: state },
        answer: Answer,
        delivery: 'once',
        errcodes: SUBSCRIBE_ERRCODES,
      },
      signal,
    )
  }
}
