import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { randomId } from '#shared/ids.ts'
import { numberOf } from '#shared/payments/order-states.ts'
import {
  type PaymentProvider,
  type PaymentState,
  type RefundProgress,
  WECHAT_PAY,
} from '#shared/payments/provider.ts'
import {
  closeCall,
  prepayCall,
  queryCall,
  queryRefundCall,
  type Refund,
  refundCall,
  type Transaction,
} from '#shared/wechat-pay/calls.ts'
import type { Merchant } from '#shared/wechat-pay/merchant.ts'
import { paymentRequest } from '#shared/wechat-pay/pay-sign.ts'
import type { CallWechatPay } from '#shared/wechat-pay/wechat-pay.ts'

export interface WechatPayProviderOptions {
  readonly appId: string
  readonly merchant: Merchant
  readonly call: CallWechatPay
  /** Where WeChat Pay tells of payments and refunds; public, without a query. */
  readonly notifyUrl: string
  readonly clock: Clock
}

/** WeChat Pay (JSAPI) as who takes the money of orders. */
export function wechatPayProvider(options: WechatPayProviderOptions): PaymentProvider {
  const { appId, merchant, call, notifyUrl, clock } = options
  const { mchId } = merchant

  return {
    name: WECHAT_PAY,

    async prepare(order, { openid }, signal) {
      const { prepay_id: prepayId } = await call(
        prepayCall({
          appId,
          mchId,
          no: numberOf(order.id),
          description: order.description,
          amountFen: order.amount_fen,
          openid,
          notifyUrl,
          expiresAt: order.expires_at,
        }),
        signal,
      )
      return { prepayId }
    },

    payment({ prepayId }) {
      const timestamp = String(Math.floor(clock() / 1_000))
      return { ...paymentRequest(merchant, { appId, prepayId, timestamp, nonce: randomId() }) }
    },

    async query(order, signal) {
      try {
        return paymentState(await call(queryCall({ mchId, no: numberOf(order.id) }), signal), clock())
      } catch (error) {
        if (isReason(error, 'order_not_exist', 'resource_not_exists')) return { state: 'unknown' }
        throw error
      }
    },

    async close(order, signal) {
      try {
        await call(closeCall({ mchId, no: numberOf(order.id) }), signal)
      } catch (error) {
        // Closed before, never prepared, or paid meanwhile: what it is, the next query tells.
        if (!isReason(error, 'order_closed', 'order_not_exist', 'resource_not_exists', 'orderpaid'))
          throw error
      }
    },

    async refund(refund, order, signal) {
      const asked = {
        no: numberOf(order.id),
        refundNo: numberOf(refund.id),
        amountFen: refund.amount_fen,
        totalFen: order.amount_fen,
        ...(refund.reason === null ? {} : { reason: refund.reason }),
        notifyUrl,
      }
      return refundProgress(await call(refundCall(asked), signal))
    },

    async queryRefund(refund, signal) {
      try {
        return refundProgress(await call(queryRefundCall(numberOf(refund.id)), signal))
      } catch (error) {
        if (isReason(error, 'resource_not_exists')) return undefined
        throw error
      }
    },
  }
}

/** What a transaction means for its order, in an answer as in a notification. */
export function paymentState(transaction: Transaction, nowMs: number): PaymentState {
  const { trade_state: state, transaction_id: transactionId, success_time: at, amount } = transaction
  // A payment of which something was paid back was a payment.
  if ((state === 'SUCCESS' || state === 'REFUND') && transactionId !== undefined && amount !== undefined)
    return { state: 'paid', transactionId, amountFen: amount.total, paidAt: at ?? new Date(nowMs) }
  return { state: state === 'CLOSED' || state === 'REVOKED' ? 'closed' : 'open' }
}

const REFUND_STATES = {
  SUCCESS: 'succeeded',
  CLOSED: 'closed',
  PROCESSING: 'processing',
  ABNORMAL: 'abnormal',
} as const

/** What a refund's answer or notification means. */
export function refundProgress({
  refund_id: providerId,
  status,
}: Pick<Refund, 'refund_id' | 'status'>): RefundProgress {
  return { state: REFUND_STATES[status], providerId }
}

function isReason(error: unknown, ...reasons: readonly string[]): boolean {
  return error instanceof Fault && reasons.some((reason) => error.details[0]?.['reason'] === reason)
}
