import * as v from 'valibot'
import { instant } from '#shared/instant.ts'

/** A call of WeChat Pay: what is sent, and what a good answer holds. Nothing is sent here. */
export interface PayCall<Answer extends v.GenericSchema = v.GenericSchema> {
  readonly method: 'GET' | 'POST'
  /** Path and query as they are sent. */
  readonly target: string
  readonly body?: unknown
  readonly answer: Answer
  /** Whether the same call may be made again although the first may have arrived. */
  readonly isRepeatable: boolean
}

export interface Payer {
  readonly appId: string
  readonly mchId: string
}

export interface NewPayment extends Payer {
  /** 6–32 characters of [0-9A-Za-z_-|*], the merchant's own. */
  readonly no: string
  /** Up to 127 characters. */
  readonly description: string
  readonly amountFen: number
  readonly openid: string
  /** Public, without a query. */
  readonly notifyUrl: string
  /** When the order can no longer be paid. */
  readonly expiresAt: Date
}

/** What WeChat Pay calls something; kept in a column of 255. */
export const name = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,64}$/))

/** In fen; of a coupon's user less than the total is paid. */
const Amount = v.object({
  total: v.pipe(v.number(), v.integer()),
  currency: v.optional(v.literal('CNY'), 'CNY'),
})

/** What WeChat Pay says of a payment, in a notification as in an answer. */
export const Transaction = v.object({
  appid: v.string(),
  mchid: v.string(),
  out_trade_no: v.string(),
  transaction_id: v.optional(name),
  trade_state: v.picklist(['SUCCESS', 'REFUND', 'NOTPAY', 'CLOSED', 'REVOKED', 'USERPAYING', 'PAYERROR']),
  success_time: v.optional(instant),
  amount: v.optional(Amount),
})

export type Transaction = v.InferOutput<typeof Transaction>

const RefundAmount = v.object({ total: v.number(), refund: v.number() })

/** What WeChat Pay answers about a refund; a notification calls its state `refund_status`. */
export const Refund = v.object({
  out_trade_no: v.string(),
  out_refund_no: v.string(),
  refund_id: name,
  status: v.picklist(['SUCCESS', 'CLOSED', 'PROCESSING', 'ABNORMAL']),
  success_time: v.optional(v.string()),
  amount: RefundAmount,
})

export type Refund = v.InferOutput<typeof Refund>

const Prepared = v.object({ prepay_id: v.pipe(v.string(), v.minLength(1)) })
const Nothing = v.optional(v.unknown())

/** JSAPI payment; the same number with the same content gives an id again. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791897 */
export function prepayCall(payment: NewPayment): PayCall<typeof Prepared> {
  const { appId, mchId, no, description, amountFen, openid, notifyUrl, expiresAt } = payment
  return {
    method: 'POST',
    target: '/v3/pay/transactions/jsapi',
    body: {
      appid: appId,
      mchid: mchId,
      description,
      out_trade_no: no,
      time_expire: beijingTime(expiresAt),
      notify_url: notifyUrl,
      amount: { total: amountFen, currency: 'CNY' },
      payer: { openid },
    },
    answer: Prepared,
    isRepeatable: true,
  }
}

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4012791900 */
export function queryCall({ mchId, no }: Pick<NewPayment, 'mchId' | 'no'>): PayCall<typeof Transaction> {
  const target = `/v3/pay/transactions/out-trade-no/${encodeURIComponent(no)}?mchid=${encodeURIComponent(mchId)}`
  return { method: 'GET', target, answer: Transaction, isRepeatable: true }
}

/** Answered by 204. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791901 */
export function closeCall({ mchId, no }: Pick<NewPayment, 'mchId' | 'no'>): PayCall<typeof Nothing> {
  const target = `/v3/pay/transactions/out-trade-no/${encodeURIComponent(no)}/close`
  return { method: 'POST', target, body: { mchid: mchId }, answer: Nothing, isRepeatable: true }
}

export interface NewRefund {
  readonly no: string
  /** The merchant's own; the same number asks for the same refund again. */
  readonly refundNo: string
  readonly amountFen: number
  readonly totalFen: number
  readonly reason?: string | undefined
  readonly notifyUrl: string
}

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4012791903 */
export function refundCall(refund: NewRefund): PayCall<typeof Refund> {
  const { no, refundNo, amountFen, totalFen, reason, notifyUrl } = refund
  return {
    method: 'POST',
    target: '/v3/refund/domestic/refunds',
    body: {
      out_trade_no: no,
      out_refund_no: refundNo,
      ...(reason === undefined ? {} : { reason }),
      notify_url: notifyUrl,
      amount: { refund: amountFen, total: totalFen, currency: 'CNY' },
    },
    answer: Refund,
    isRepeatable: true,
  }
}

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4012791904 */
export function queryRefundCall(refundNo: string): PayCall<typeof Refund> {
  const target = `/v3/refund/domestic/refunds/${encodeURIComponent(refundNo)}`
  return { method: 'GET', target, answer: Refund, isRepeatable: true }
}

/** RFC 3339 in the time zone that WeChat Pay writes its own times in, without fractions of a second. */
function beijingTime(date: Date): string {
  const shifted = new Date(date.getTime() + 8 * 3_600_000)
  return `${shifted.toISOString().slice(0, 19)}+08:00`
}
