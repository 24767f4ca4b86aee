import { number, object, picklist, string } from 'valibot'
import type { TokenCaller } from './call-with-token.ts'
import { SCENES } from './content-scenes.ts'

export interface TextToCheck {
  /** At most 2,500 characters. */
  readonly content: string
  /** The author, who must have opened the mini-program in the last 2 hours. */
  readonly openid: string
  readonly scene: keyof typeof SCENES
  readonly nickname?: string
}

export interface TextVerdict {
  readonly suggest: 'pass' | 'review' | 'risky'
  /** 100 normal, 10001 ads, 20001 politics, 20002 porn, 20003 abuse, 20006 crime, 20008 fraud, 20012 vulgar, 20013 copyright, 21000 other. */
  readonly label: number
  readonly traceId: string
}

export type CheckText = (text: TextToCheck, signal: AbortSignal) => Promise<TextVerdict>

const MAX_CHARS = 2_500

const Answer = object({
  trace_id: string(),
  result: object({ suggest: picklist(['pass', 'review', 'risky']), label: number() }),
})

/**
 * Asks WeChat's content safety about a text.
 *
 * @throws Fault unauthenticated with the reason `wechat_visit_too_old`, validation_failed with the reason `openid_unknown`,
 * rate_limited, upstream_failed, upstream_timeout
 */
export function checkText(call: TokenCaller): CheckText {
  return async ({ content, openid, scene, nickname }, signal) => {
    if (content.length > MAX_CHARS)
      throw new RangeError(`Cannot check a text of more than ${MAX_CHARS} characters`)
    const { result, trace_id: traceId } = await call(
      {
        method: 'POST',
        path: '/wxa/msg_sec_check',
        body: { content, version: 2, scene: SCENES[scene], openid, nickname },
        answer: Answer,
        delivery: 'repeatable',
      },
      signal,
    )
    return { ...result, traceId }
  }
}
