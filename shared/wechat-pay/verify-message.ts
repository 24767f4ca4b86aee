import { createVerify } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { PlatformKeys } from './platform-keys.ts'
import { SCHEME } from './sign-request.ts'

/** How old, or how far ahead, a message may be. */
export const TOLERANCE_S = 300
/** WeChat Pay tests whether signatures are checked by sending ones that begin so; the right one follows later. */
const PROBE = 'WECHATPAY/SIGNTEST/'

/**
 * Whether WeChat Pay sent this: an answer to a call of ours, or a notification. The key is the one that the message
 * names; a serial that is not known is refused, since no other key could be meant.
 *
 * @throws Fault bad_request for headers that are missing, clock_skew, signature_invalid
 * @see https://pay.weixin.qq.com/doc/v3/merchant/4013053249
 */
export function verifyMessage(
  { keys, clock }: { readonly keys: PlatformKeys; readonly clock: Clock },
  headers: Headers,
  body: Uint8Array,
): void {
  const [timestamp, nonce, signature, serial] = ['timestamp', 'nonce', 'signature', 'serial'].map((name) =>
    header(headers, `wechatpay-${name}`),
  ) as [string, string, string, string] // as many as names
  const scheme = headers.get('wechatpay-signature-type')
  if (scheme !== null && scheme !== SCHEME) throw invalid('scheme')
  if (signature.startsWith(PROBE)) throw invalid('probe')
  const key = keys.get(serial)
  if (key === undefined) throw invalid('unknown_serial')
  const verifier = createVerify('RSA-SHA256').update(`${timestamp}\n${nonce}\n`).update(body).update('\n')
  if (!verifier.verify(key, signature, 'base64')) throw invalid('signature')
  // Last, so that nobody but WeChat Pay itself can make our clock look wrong.
  checkTime(timestamp, clock)
}

function header(headers: Headers, name: string): string {
  const value = headers.get(name) ?? ''
  if (value === '') throw new Fault('bad_request', { details: [{ header: name, message: 'is required' }] })
  return value
}

function checkTime(timestamp: string, clock: Clock): void {
  const nowMs = clock()
  const isNear = /^\d{10}$/.test(timestamp) && Math.abs(nowMs / 1_000 - Number(timestamp)) <= TOLERANCE_S
  if (isNear) return
  const skewS = Math.round(nowMs / 1_000 - Number(timestamp))
  throw new Fault('clock_skew', { details: [{ serverTime: new Date(nowMs).toISOString(), skewS }] })
}

function invalid(reason: string): Fault {
  return new Fault('signature_invalid', { details: [{ reason }] })
}
