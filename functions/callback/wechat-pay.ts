import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { errorMessage, errorStatus, Fault } from '#shared/errors.ts'
import { readBytes } from '#shared/http/read-body.ts'
import { type Call, route } from '#shared/http/route.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { takePayment } from '#shared/payments/take-payment.ts'
import type { Secret } from '#shared/secret.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { Transaction } from '#shared/wechat-pay/calls.ts'
import { readNotification } from '#shared/wechat-pay/notification.ts'
import type { PlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { verifyMessage } from '#shared/wechat-pay/verify-message.ts'
import { paymentState } from '#shared/backend/wechat-pay-provider.ts'

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
const SOURCE = 'wechat-pay'

/** POST /callback/wechat-pay → 204, or {code: "FAIL", message}, which has WeChat Pay tell it again: it does so for a day */
export function wechatPayNotification(options: WechatPayRouteOptions) {
  const { platformKeys: keys, apiKey, clock, logger } = options

  async function handle({ request, invocation, signal }: Call): Promise<Response> {
    try {
      const body = await readBytes(request, MAX_BYTES, signal)
      verifyMessage({ keys, clock }, request.headers, body)
      const notification = readNotification(apiKey, body)
      if (notification.kind !== 'payment')
        throw new Fault('not_found', { details: [{ reason: `unknown_${notification.kind}` }] })
      await pay(notification, { requestId: invocation.requestId, signal })
      invocation.waitUntil(options.deliver(invocation.signal))
      return new Response(null, { status: 204 })
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const [{ reason } = {}] = error.details
      logger.warn('callback.refused', {
        requestId: invocation.requestId,
        source: SOURCE,
        error: error.error,
        reason,
      })
      return failed(error)
    }
  }

  async function pay(
    { id, transaction }: { readonly id: string; readonly transaction: Transaction },
    { requestId, signal }: { readonly requestId: string; readonly signal: AbortSignal },
  ): Promise<void> {
    if (transaction.appid !== options.appId || transaction.mchid !== options.mchId)
      throw new Fault('forbidden', { details: [{ reason: 'another_merchant' }] })
    const now = clock()
    const paid = paymentState(transaction, now)
    if (paid.state !== 'paid') return // what else there is to know, polling tells
    const news = {
      source: SOURCE,
      dedupeKey: id,
      no: transaction.out_trade_no,
      paid,
      body: JSON.stringify(transaction),
      requestId,
    }
    await takePayment({ ...options, now: new Date(now) }, news, signal)
  }

  return route({ method: 'POST', path: '/callback/wechat-pay', handle })
}

/** In WeChat Pay's own form. */
function failed({ error }: Fault): Response {
  const body = JSON.stringify({ code: 'FAIL', message: errorMessage(error, 'zh') })
  return new Response(body, {
    status: errorStatus(error),
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  })
}
