import { integer, maxValue, minValue, number, object, optional, pipe, string } from 'valibot'
import type { TokenCaller } from './call-with-token.ts'

/** WeChat's opinion of a user, from 0 (none) to 4 (high risk). */
export type AskRiskRank = (
  who: { readonly openid: string; readonly clientIp: string },
  signal: AbortSignal,
) => Promise<number>

const Answer = object({
  risk_rank: pipe(number(), integer(), minValue(0), maxValue(4)),
  unoin_id: optional(number()),
  errmsg: optional(string()),
})
/** 0 asks about a registration, 1 about marketing, where rewards are to be had. */
const SCENE = 0

/** @throws Fault upstream_failed, upstream_timeout, rate_limited */
export function askRiskRank(call: TokenCaller, appId: string): AskRiskRank {
  return async ({ openid, clientIp }, signal) => {
    const { risk_rank: rank } = await call(
      {
        method: 'POST',
        path: '/wxa/getuserriskrank',
        body: { appid: appId, openid, scene: SCENE, client_ip: clientIp },
        answer: Answer,
        delivery: 'repeatable',
        // A login waits for it, and goes on without it.
        retries: 0,
      },
      signal,
    )
    return rank
  }
}
