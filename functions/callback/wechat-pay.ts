import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { keepNews, type Received } from '#shared/db/take-once.ts'
import { errorMessage, errorStatus, Fault } from '#shared/errors.ts'
import { readBytes } from '#shared/http/read-body.ts'
import { type Call, type Refusal, route } from '#shared/http/route.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { WECHAT_PAY } from '#shared/payments/provider.ts'
import { takePayment } from '#shared/payments/take-payment.ts'
import { takeRefund } from '#shared/payments/take-refund.ts'
import type { Secret } from '#shared/secret.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { type Notification, readNotification } from '#shared/wechat-pay/notification.ts'
import type { PlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { verifyMessage } from '#shared/wechat-pay/verify-message.ts'
import { paymentState, refundProgress } from '#shared/backend/wechat-pay-provider.ts'
import { receivedFrom } from './received.ts'
import { logRefusal } from './refusals.ts'

export interface WechatPayRouteOptions {
  readonly appId: string
  readonly mchId: string
  readonly platformKeys: PlatformKeys
  readonly apiKey: Secret
  readonly database: Database
  readonly tell: Tell
  /** Delivers what is due. */
  readonly deliver: (signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
  readonly logger: Logger
}

const MAX_BYTES = 64 * 1024
/** Its signature is right, so either an old notification came again, or our clock is off by `skewS`. */
const SET_CLOCK = 'Set the clock of this machine right (NTP): WeChat Pay tells it again'

/** POST /callback/wechat-pay → 204, or {code: "FAIL", message}, which has WeChat Pay tell it again: it does so for a day */
export function wechatPayNotification(options: WechatPayRouteOptions) {
  const { platformKeys: keys, apiKey, clock, logger } = options

  async function handle({ request, invocation, signal }: Call): Promise<Response> {
    try {
      const body = await readBytes(request, MAX_BYTES, signal)
      verifyMessage({ keys, clock }, request.headers, body)
      const notification = readNotification(apiKey, body)
      const received = receivedFrom(request, body)
      await take(notification, { received, requestId: invocation.requestId, signal })
      invocation.waitUntil(options.deliver(invocation.signal))
      return new Response(null, { status: 204 })
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      refused({ fault: error, request, invocation })
      return failed(error)
    }
  }

  function refused({ fault, request, invocation }: Omit<Refusal, 'params'>): void {
    const { requestId } = invocation
    const skewS = fault.details[0]?.['skewS']
    if (skewS === undefined) return logRefusal(logger, WECHAT_PAY, { fault, request, invocation })
    logger.error('callback.clock_wrong', { requestId, source: WECHAT_PAY, skewS, advice: SET_CLOCK })
  }

  function take(notification: Notification, call: TakenIn): Promise<void> {
    if (notification.kind === 'payment') return takeTransaction(notification, call)
    if (notification.kind === 'refund') return takeRefundNotice(notification, call)
    throw new Fault('not_found', { details: [{ reason: 'unknown_event' }] })
  }

  async function takeTransaction(
    { id, said, transaction }: Extract<Notification, { kind: 'payment' }>,
    { signal, ...arrived }: TakenIn,
  ): Promise<void> {
    if (transaction.appid !== options.appId) throw anotherMerchant()
    requireMerchant(transaction.mchid)
    const now = clock()
    const paid = paymentState(transaction, now)
    const taking = { ...options, now: new Date(now) }
    const news = { source: WECHAT_PAY, dedupeKey: id, said, ...arrived }
    if (paid.state === 'paid')
      return takePayment(taking, { ...news, no: transaction.out_trade_no, paid }, signal)
    // What becomes of the order then, polling tells.
    return keepNews(taking, news, signal)
  }

  async function takeRefundNotice(
    { id, said, refund }: Extract<Notification, { kind: 'refund' }>,
    { signal, ...arrived }: TakenIn,
  ): Promise<void> {
    requireMerchant(refund.mchid)
    const { state, providerId } = refundProgress({ ...refund, status: refund.refund_status })
    const taking = { ...options, now: new Date(clock()) }
    const news = { source: WECHAT_PAY, dedupeKey: id, said, ...arrived }
    if (state === 'processing') return keepNews(taking, news, signal)
    const decided = {
      refundNo: refund.out_refund_no,
      no: refund.out_trade_no,
      amountFen: refund.amount.refund,
      totalFen: refund.amount.total,
      state,
      providerId,
    }
    return takeRefund(taking, { ...news, ...decided }, signal)
  }

  function requireMerchant(mchId: string): void {
    if (mchId !== options.mchId) throw anotherMerchant()
  }

  return route({ method: 'POST', path: '/callback/wechat-pay', handle, onRefusal: refused })
}

/** How a notification came. */
interface TakenIn {
  readonly received: Received
  readonly requestId: string
  readonly signal: AbortSignal
}

function anotherMerchant(): Fault {
  return new Fault('forbidden', { details: [{ reason: 'another_merchant' }] })
}

/** In WeChat Pay's own form. */
function failed({ error }: Fault): Response {
  const body = JSON.stringify({ code: 'FAIL', message: errorMessage(error, 'zh') })
  return new Response(body, {
    status: errorStatus(error),
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  })
}
