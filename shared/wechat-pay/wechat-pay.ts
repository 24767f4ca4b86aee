import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { randomId } from '#shared/ids.ts'
import type { OutboundAnswer } from '#shared/outbound/fetch-answer.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import { retryAfterS } from '#shared/retry-after.ts'
import type { PayCall } from './calls.ts'
import type { Merchant } from './merchant.ts'
import { PayError } from './pay-error.ts'
import type { PlatformKeys } from './platform-keys.ts'
import { authorization } from './sign-request.ts'
import { TOLERANCE_S, verifyMessage } from './verify-message.ts'

export interface WechatPayOptions {
  /** `WECHAT_PAY_URL`, or a stand-in. */
  readonly baseUrl: URL | string
  readonly outbound: Outbound
  readonly merchant: Merchant
  readonly platformKeys: PlatformKeys
  readonly clock: Clock
  /** Longest time for one attempt in ms; 5,000 unless given. */
  readonly timeoutMs?: number
}

/** Makes a call and answers with what it holds, once it is proven to be WeChat Pay's. */
export interface CallWechatPay {
  /** @throws Fault refused_by_provider with the reason that WeChat Pay gives, upstream_failed, upstream_timeout */
  <Answer extends v.GenericSchema>(call: PayCall<Answer>, signal: AbortSignal): Promise<v.InferOutput<Answer>>
}

export const WECHAT_PAY_URL = 'https://api.mch.weixin.qq.com'
const TIMEOUT_MS = 5_000
const PUBLIC_KEY = 'PUB_KEY_ID_'

/** Refusals that no repetition changes: the order itself is at fault, or its state. */
const FINAL: ReadonlySet<string> = new Set([
  'PARAM_ERROR',
  'INVALID_REQUEST',
  'APPID_MCHID_NOT_MATCH',
  'OUT_TRADE_NO_USED',
  'ORDERPAID',
  'ORDER_CLOSED',
  'ORDER_NOT_EXIST',
  'RESOURCE_NOT_EXISTS',
])

export function createWechatPay(options: WechatPayOptions): CallWechatPay {
  return async (call, signal) => readAnswer(options, call, await askWechatPay(options, call, signal))
}

/** Sends a call with the merchant's signature. What comes back is anybody's until `readAnswer` has proven it. */
export function askWechatPay(
  options: WechatPayOptions,
  call: PayCall,
  signal: AbortSignal,
): Promise<OutboundAnswer> {
  const { baseUrl, merchant, platformKeys, clock, timeoutMs = TIMEOUT_MS } = options
  const { method, target, isRepeatable } = call
  // A merchant in public-key mode has to say by which key it wants to be answered.
  const publicKeyId = [...platformKeys.keys()].find((serial) => serial.startsWith(PUBLIC_KEY))
  const body = call.body === undefined ? '' : JSON.stringify(call.body)
  const sign = () => {
    const timestamp = String(Math.floor(clock() / 1_000))
    return { authorization: authorization(merchant, { method, target, timestamp, nonce: randomId(), body }) }
  }
  const headers = {
    accept: 'application/json',
    ...(body === '' ? {} : { 'content-type': 'application/json' }),
    ...(publicKeyId === undefined ? {} : { 'wechatpay-serial': publicKeyId }),
  }
  const delivery = isRepeatable ? 'repeatable' : 'once'
  const sending = { method, url: new URL(target, baseUrl), headers, sign, timeoutMs, delivery } as const
  return options.outbound.to(baseUrl)({ ...sending, ...(body === '' ? {} : { body }) }, signal)
}

/** What an answer holds, once it is proven. @throws as `CallWechatPay` does */
export function readAnswer<Answer extends v.GenericSchema>(
  { platformKeys: keys, clock }: Pick<WechatPayOptions, 'platformKeys' | 'clock'>,
  call: PayCall<Answer>,
  { status, headers, body }: OutboundAnswer,
): v.InferOutput<Answer> {
  const requestId = headers.get('request-id') ?? '-'
  const skewS = skewOf(headers, clock())
  const fail = (code: string) => new PayError(pathOf(call), { status, code, requestId, skewS })
  if (status < 200 || status > 299) throw refusal(fail(codeIn(body)), retryAfterS(headers, clock()))
  try {
    verifyMessage({ keys, clock }, headers, body)
  } catch (cause) {
    // Whatever is wrong with the signature: this may be anybody's answer.
    throw new Fault('upstream_failed', { cause: new Error(fail('UNVERIFIED').message, { cause }) })
  }
  const result = v.safeParse(call.answer, json(body))
  if (!result.success) throw new Fault('upstream_failed', { cause: fail('UNREADABLE') })
  return result.output
}

function refusal(error: PayError, seconds: number | undefined): Fault {
  const details = [{ reason: error.code.toLowerCase() }]
  if (FINAL.has(error.code)) return new Fault('refused_by_provider', { details, cause: error })
  return new Fault('upstream_failed', {
    cause: error,
    ...(seconds === undefined ? {} : { retryAfterS: seconds }),
  })
}

const Refused = v.object({ code: v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{0,63}$/)) })

function codeIn(body: Buffer): string {
  const result = v.safeParse(Refused, json(body))
  return result.success ? result.output.code : 'UNKNOWN'
}

function json(body: Buffer): unknown {
  if (body.length === 0) return undefined
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

/** How far our clock is ahead of WeChat Pay's, in seconds; undefined where it is near enough, or nobody knows. */
function skewOf(headers: Headers, nowMs: number): number | undefined {
  const skewS = Math.round((nowMs - Date.parse(headers.get('date') ?? '')) / 1_000)
  return Math.abs(skewS) > TOLERANCE_S ? skewS : undefined
}

function pathOf({ method, target }: PayCall): string {
  return `${method} ${target.split('?', 1)[0] ?? ''}`
}
