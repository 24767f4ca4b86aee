import { sleep } from '#shared/deadline.ts'
import type { GenericSchema, InferOutput } from 'valibot'
import type { AccessToken } from './access-token.ts'
import { type ApiCall, callApi, isRefusal, type WechatAccount } from './call-api.ts'

/** Calls an API that wants the access token; shared by all of them. */
export interface TokenCaller {
  <Answer extends GenericSchema>(call: ApiCall<Answer>, signal: AbortSignal): Promise<InferOutput<Answer>>
}

const BUSY_RETRY_MS = 100

/**
 * A rejected token is replaced and the call made once more: WeChat checks the token first, so nothing happened yet.
 * "Busy" (-1) is tried once more too, for repeatable calls.
 */
export function callWithToken(account: WechatAccount, tokens: AccessToken): TokenCaller {
  return async (call, signal) => {
    const token = await tokens.get(signal)
    try {
      return await callPatiently(call, token, signal)
    } catch (error) {
      if (!isRefusal(error, 'token')) throw error
      await tokens.drop(token, signal)
      return callPatiently(call, await tokens.get(signal), signal)
    }
  }

  async function callPatiently<Answer extends GenericSchema>(
    call: ApiCall<Answer>,
    token: string,
    signal: AbortSignal,
  ): Promise<InferOutput<Answer>> {
    const request = { ...call, query: { access_token: token, ...call.query } }
    try {
      return await callApi(account, request, signal)
    } catch (error) {
      const again = call.delivery === 'repeatable' && isRefusal(error, 'busy')
      if (!again) throw error
      await sleep(BUSY_RETRY_MS * (0.5 + Math.random()), signal)
      return callApi(account, request, signal)
    }
  }
}
