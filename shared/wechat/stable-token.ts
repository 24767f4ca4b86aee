import { integer, minValue, nonEmpty, number, object, pipe, string } from 'valibot'
import { callApi, type WechatAccount } from './call-api.ts'
import type { Errcodes } from './errcodes.ts'

export interface IssuedToken {
  readonly token: string
  /** What is left of its life: 2 hours at most, and less when it was issued before. */
  readonly expiresInS: number
}

const Answer = object({
  access_token: pipe(string(), nonEmpty()),
  expires_in: pipe(number(), integer(), minValue(1)),
})

const TOKEN_ERRCODES: Errcodes = {
  40001: {
    kind: 'operator',
    fault: 'upstream_failed',
    advice:
      'WECHAT_APP_SECRET does not belong to WECHAT_APP_ID: copy both again from the mini-program console',
  },
}

/**
 * Asks for the mini-program's access token. In this mode WeChat gives the same token to everyone while it is valid,
 * so instances never invalidate one another's; `force_refresh` would, and is for a leaked token only.
 *
 * @throws Fault rate_limited, upstream_failed, upstream_timeout
 */
export async function stableToken(account: WechatAccount, signal: AbortSignal): Promise<IssuedToken> {
  const { appId: appid, secret } = account
  const answer = await callApi(
    account,
    {
      method: 'POST',
      path: '/cgi-bin/stable_token',
      body: { grant_type: 'client_credential', appid, secret: secret.reveal(), force_refresh: false },
      answer: Answer,
      delivery: 'repeatable',
      errcodes: TOKEN_ERRCODES,
    },
    signal,
  )
  return { token: answer.access_token, expiresInS: answer.expires_in }
}
