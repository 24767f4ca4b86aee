import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { fetchJson } from '#shared/outbound/fetch-json.ts'
import type { MakeCall } from '#shared/outbound/outbound.ts'
import type { Secret } from '#shared/secret.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import {
  type GenericSchema,
  type InferOutput,
  looseObject,
  number,
  optional,
  safeParse,
  string,
} from 'valibot'
import { ERRCODES, type Errcode, type Errcodes, UNKNOWN_ERRCODE } from './errcodes.ts'
import { WechatError } from './wechat-error.ts'

/** The mini-program on whose behalf WeChat is called. */
export interface WechatAccount {
  /** `https://api.weixin.qq.com`, or a stand-in. */
  readonly baseUrl: URL | string
  readonly appId: string
  readonly secret: Secret
  /** The way to `baseUrl`. */
  readonly makeCall: MakeCall
  readonly logger: Logger
  readonly clock: Clock
  /** Longest time for one attempt in ms. */
  readonly timeoutMs: number
}

export interface ApiCall<Answer extends GenericSchema> {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** What a success holds; other fields are dropped. */
  readonly answer: Answer
  readonly delivery: 'once' | 'repeatable'
  /** How often it may be tried again where that is safe; three times unless given. */
  readonly retries?: number
  /** Meanings that differ from the common table. */
  readonly errcodes?: Errcodes
}

const MINUTE_S = 60
const Verdict = looseObject({ errcode: optional(number(), 0), errmsg: optional(string(), '') })

/**
 * Makes one call of a WeChat API and answers with its checked result. HTTP 200 says nothing there: `errcode` decides.
 *
 * @throws Fault as the errcode table says, with a `WechatError` as its cause
 */
export async function callApi<Answer extends GenericSchema>(
  account: WechatAccount,
  call: ApiCall<Answer>,
  signal: AbortSignal,
): Promise<InferOutput<Answer>> {
  const url = new URL(call.path, account.baseUrl)
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value)
  const { method, body, delivery, retries } = call
  const { timeoutMs } = account
  const sending = { method, url, body, delivery, timeoutMs, ...(retries === undefined ? {} : { retries }) }
  const answer = await fetchJson(account, sending, signal)
  return readAnswer(account, call, answer)
}

function readAnswer<Answer extends GenericSchema>(
  account: WechatAccount,
  call: ApiCall<Answer>,
  answer: unknown,
): InferOutput<Answer> {
  const verdict = safeParse(Verdict, answer)
  if (verdict.success && verdict.output.errcode !== 0) {
    const { errcode, errmsg } = verdict.output
    throw refusal(account, call, errcode, errmsg)
  }
  const result = safeParse(call.answer, answer)
  // valibot's issues quote what was received, which may be a session key: they must not become the cause.
  if (!result.success)
    throw new Fault('upstream_failed', {
      cause: new TypeError(`Cannot read ${call.path}: fields are missing`),
    })
  return result.output
}

function refusal(
  account: WechatAccount,
  call: ApiCall<GenericSchema>,
  errcode: number,
  errmsg: string,
): Fault {
  const { fault, reason, advice } = meaning(errcode, call.errcodes)
  const rid = /\brid: ?([\w-]+)/.exec(errmsg)?.[1]
  if (advice !== undefined) {
    // The message names the refused IP address, which the operator needs for the allow-list.
    account.logger.error('wechat.refused', {
      api: call.path,
      errcode,
      rid,
      errmsg: errmsg.slice(0, 200),
      advice,
    })
  }
  return new Fault(fault, {
    cause: new WechatError(call.path, errcode, rid),
    ...(reason === undefined ? {} : { details: [{ reason }] }),
    ...(fault === 'rate_limited'
      ? { retryAfterS: MINUTE_S - (Math.floor(account.clock() / 1_000) % MINUTE_S) }
      : {}),
  })
}

function meaning(errcode: number, errcodes: Errcodes = {}): Errcode {
  return errcodes[errcode] ?? ERRCODES[errcode] ?? UNKNOWN_ERRCODE
}

/** Whether `error` is WeChat's answer of this kind to a call without meanings of its own. */
export function isRefusal(error: unknown, kind: Errcode['kind']): boolean {
  return (
    error instanceof Fault && error.cause instanceof WechatError && meaning(error.cause.errcode).kind === kind
  )
}
