import type { Merchant } from './merchant.ts'
import { signLines } from './sign-request.ts'

/** What a mini-program hands to `wx.requestPayment`. */
export interface PaymentRequest {
  /** Unix seconds. */
  readonly timeStamp: string
  readonly nonceStr: string
  readonly package: string
  readonly signType: 'RSA'
  readonly paySign: string
}

/** Lets a client pay what was prepared under `prepayId`; it works for two hours. */
export function paymentRequest(
  { privateKey }: Pick<Merchant, 'privateKey'>,
  {
    appId,
    prepayId,
    timestamp,
    nonce,
  }: Readonly<Record<'appId' | 'prepayId' | 'timestamp' | 'nonce', string>>,
): PaymentRequest {
  const prepared = `prepay_id=${prepayId}`
  const paySign = signLines(privateKey, [appId, timestamp, nonce, prepared])
  return { timeStamp: timestamp, nonceStr: nonce, package: prepared, signType: 'RSA', paySign }
}
