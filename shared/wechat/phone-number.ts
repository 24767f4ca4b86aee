import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { number, object, pipe, regex, string, transform, union } from 'valibot'
import type { TokenCaller } from './call-with-token.ts'
import type { Errcodes } from './errcodes.ts'

export interface PhoneNumber {
  /** E.164, as `+8613800000001`. */
  readonly number: string
  readonly countryCode: string
  /** Without the country code. */
  readonly nationalNumber: string
}

/** Exchanges the code of `<button open-type="getPhoneNumber">` for the number, once. */
export type ReadPhoneNumber = (code: string, openid: string, signal: AbortSignal) => Promise<PhoneNumber>

const MAX_AGE_MS = 5 * 60_000
const CODE = /^[\x21-\x7e]{1,256}$/
const Digits = pipe(union([string(), number()]), transform(String), regex(/^\d{1,14}$/))

const Answer = object({
  phone_info: object({
    purePhoneNumber: Digits,
    countryCode: Digits,
    watermark: object({ appid: string(), timestamp: number() }),
  }),
})

const CODE_INVALID = { kind: 'final', fault: 'validation_failed', reason: 'phone_code_invalid' } as const
const PHONE_ERRCODES: Errcodes = { 40003: CODE_INVALID, 40029: CODE_INVALID, 40163: CODE_INVALID }

/**
 * The openid goes along so that WeChat refuses a code that another user's button gave.
 *
 * @throws Fault validation_failed with the reason `phone_code_invalid`, rate_limited, upstream_failed, upstream_timeout
 */
export function phoneNumber(call: TokenCaller, appId: string, clock: Clock): ReadPhoneNumber {
  return async (code, openid, signal) => {
    if (!CODE.test(code)) throw new Fault('validation_failed', { details: [{ reason: CODE_INVALID.reason }] })
    const { phone_info: info } = await call(
      {
        method: 'POST',
        path: '/wxa/business/getuserphonenumber',
        body: { code, openid },
        answer: Answer,
        delivery: 'once',
        errcodes: PHONE_ERRCODES,
      },
      signal,
    )
    const { appid, timestamp } = info.watermark
    const fresh = Math.abs(clock() - timestamp * 1_000) <= MAX_AGE_MS
    if (appid !== appId || !fresh)
      throw new Fault('upstream_failed', {
        cause: new TypeError('The watermark of the phone number is wrong'),
      })
    const { countryCode, purePhoneNumber: nationalNumber } = info
    return { number: `+${countryCode}${nationalNumber}`, countryCode, nationalNumber }
  }
}
