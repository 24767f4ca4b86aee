import type { Clock } from '#shared/clock.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import type { Secret } from '#shared/secret.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { accessToken } from './access-token.ts'
import type { WechatAccount } from './call-api.ts'
import { callWithToken } from './call-with-token.ts'
import { type CheckMedia, checkMedia } from './check-media.ts'
import { type CheckText, checkText } from './check-text.ts'
import { type CodeExchange, codeExchange } from './code-exchange.ts'
import { phoneNumber, type ReadPhoneNumber } from './phone-number.ts'
import { askRiskRank, type AskRiskRank } from './risk-rank.ts'
import { type SendSubscribeMessage, sendSubscribeMessage } from './subscribe-message.ts'
import { type SessionKeyCalls, sessionKeyCalls } from './session-key.ts'
import { type ReadUserKey, userKey } from './user-key.ts'

export interface WechatOptions {
  /** `WECHAT_URL`, or a stand-in. */
  readonly baseUrl: URL | string
  readonly appId: string
  readonly secret: Secret
  readonly outbound: Outbound
  readonly state: StateStore
  readonly logger: Logger
  readonly clock: Clock
  /** Longest time for one attempt to call WeChat in ms; 3,000 unless given. */
  readonly timeoutMs?: number
}

/** WeChat's server APIs for one mini-program; every failure is a `Fault` that a client may see. */
export interface Wechat extends SessionKeyCalls {
  readonly codeExchange: CodeExchange
  readonly phoneNumber: ReadPhoneNumber
  readonly checkText: CheckText
  readonly checkMedia: CheckMedia
  readonly userKey: ReadUserKey
  readonly riskRank: AskRiskRank
  readonly sendSubscribeMessage: SendSubscribeMessage
  /** The token for calls that are not covered here. */
  readonly accessToken: (signal: AbortSignal) => Promise<string>
}

export const WECHAT_URL = 'https://api.weixin.qq.com'
const DEFAULT_TIMEOUT_MS = 3_000

/** Makes the client. Nothing is called or derived until one of its methods is. */
export function createWechat({
  state,
  outbound,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  ...rest
}: WechatOptions): Wechat {
  const account: WechatAccount = { ...rest, makeCall: outbound.to(rest.baseUrl), timeoutMs }
  const tokens = accessToken(account, state)
  const call = callWithToken(account, tokens)
  const sessionKey = sessionKeyCalls(call)
  return {
    codeExchange: codeExchange(account, state),
    phoneNumber: phoneNumber(call, account.appId, account.clock),
    checkText: checkText(call),
    checkMedia: checkMedia(call),
    riskRank: askRiskRank(call, account.appId),
    sendSubscribeMessage: sendSubscribeMessage(call),
    ...sessionKey,
    userKey: userKey(account, state, sessionKey.userEncryptKeys),
    accessToken: (signal) => tokens.get(signal),
  }
}
