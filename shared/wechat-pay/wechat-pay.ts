import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { randomId } from '#shared/ids.ts'
import type { OutboundAnswer } from '#shared/outbound/fetch-answer.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import { retryAfterS } from '#shared/outbound/retry-after.ts'
import type { PayCall } from './calls.ts'
import type { Merchant } from './merchant.ts'
import { PayError } from './pay-error.ts'
import type { PlatformKeys } from './platform-keys.ts'
import { authorization } from './sign-request.ts'
import { verifyMessage } from './verify-message.ts'

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
  /** @throws Fault validation_failed with the reason that WeChat Pay gives, upstream_failed, upstream_timeout */
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
  const { baseUrl, merchant, platformKeys, clock, timeoutMs = TIMEOUT_MS } = options
  // A merchant in public-key mode has to say by which key it wants to be answered.
  const publicKeyId = [...platformKeys.keys()].find((serial) => serial.startsWith(PUBLIC_KEY))
  const makeCall = options.outbound.to(baseUrl)

  return async (call, signal) => {
    const { method, target, isRepeatable } = call
    const body = call.body === undefined ? '' : JSON.stringify(call.body)
    const sign = () => {
      const timestamp = String(Math.floor(clock() / 1_000))
      return {
        authorization: authorization(merchant, { method, target, timestamp, nonce: randomId(), body }),
      }
    }
    const answer = await makeCall(
      {
        method,
        url: new URL(target, baseUrl),
        headers: {
          accept: 'application/json',
          ...(body === '' ? {} : { 'content-type': 'application/json' }),
          ...(publicKeyId === undefined ? {} : { 'wechatpay-serial': publicKeyId }),
        },
        ...(body === '' ? {} : { body }),
        sign,
        timeoutMs,
        delivery: isRepeatable ? 'repeatable' : 'once',
      },
      signal,
    )
    return readAnswer(options, call, answer)
  }
}

function readAnswer<Answer extends v.GenericSchema>(
  { platformKeys: keys, clock }: WechatPayOptions,
  call: PayCall<Answer>,
  { status, headers, body }: OutboundAnswer,
): v.InferOutput<Answer> {
  const requestId = headers.get('request-id') ?? '-'
  const fail = (code: string) => new PayError(pathOf(call), { status, code, requestId })
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
  if (FINAL.has(error.code)) return new Fault('validation_failed', { details, cause: error })
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

function pathOf({ method, target }: PayCall): string {
  return `${method} ${target.split('?', 1)[0] ?? ''}`
}
