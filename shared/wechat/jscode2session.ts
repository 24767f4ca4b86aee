import { nonEmpty, object, optional, pipe, string } from 'valibot'
import { callApi, type WechatAccount } from './call-api.ts'
import type { Errcodes } from './errcodes.ts'

/** Whom a login code stands for. */
export interface WechatSession {
  readonly openid: string
  /** Only when the mini-program is bound to an Open Platform account. */
  readonly unionid?: string | undefined
  /** 16 bytes in base64. Never leaves the server. */
  readonly sessionKey: string
}

const Answer = object({
  openid: pipe(string(), nonEmpty()),
  session_key: pipe(string(), nonEmpty()),
  unionid: optional(string()),
})

const LOGIN_CODE_ERRCODES: Errcodes = {
  40029: { kind: 'final', fault: 'login_code_invalid' },
  40163: { kind: 'final', fault: 'login_code_invalid' },
  41008: { kind: 'final', fault: 'login_code_invalid' },
}

/**
 * Exchanges a code of `wx.login`, which lives 5 minutes and works once. Never call it twice with one code unless
 * `neverSent` says so: the first call may have used it up.
 *
 * @throws Fault login_code_invalid, risk_denied, rate_limited, upstream_failed, upstream_timeout
 */
export async function jscode2session(
  account: WechatAccount,
  code: string,
  signal: AbortSignal,
): Promise<WechatSession> {
  const { appId: appid, secret } = account
  const answer = await callApi(
    account,
    {
      method: 'GET',
      path: '/sns/jscode2session',
      query: { appid, secret: secret.reveal(), js_code: code, grant_type: 'authorization_code' },
      answer: Answer,
      delivery: 'once',
      errcodes: LOGIN_CODE_ERRCODES,
    },
    signal,
  )
  const { openid, unionid, session_key: sessionKey } = answer
  return { openid, ...(unionid === undefined || unionid === '' ? {} : { unionid }), sessionKey }
}
