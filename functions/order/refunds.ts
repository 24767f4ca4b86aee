import { Fault } from '#shared/errors.ts'
import { type Route, route } from '#shared/http/route.ts'
import { askRefund } from '#shared/payments/ask-refund.ts'
import { presentRefund } from '#shared/payments/present-order.ts'
import { clientKeyOf } from './client-key.ts'
import type { OrderRoutesOptions } from './orders.ts'
import { requireOrder } from './require-order.ts'
import { NewRefund } from './schemas.ts'

/** POST /orders/{no}/refund {amountFen, reason?} → 202 {refundNo, no, status, amountFen, …} (Idempotency-Key: the same refund again) */
export function refundRoute(options: OrderRoutesOptions): Route {
  return route({
    method: 'POST',
    path: '/orders/{no}/refund',
    body: NewRefund,
    timeoutMs: 9_000,
    async handle({ request, params, body, invocation, signal }) {
      const { order, isAdmin } = await requireOrder(options, { request, params }, signal)
      if (options.refundsBy === 'admin' && !isAdmin) throw new Fault('forbidden')
      const clientKey = clientKeyOf(request.headers)
      const { amountFen, reason } = body
      const asking = { order, amountFen, reason, clientKey, requestId: invocation.requestId }
      const refund = await askRefund(options, asking, signal)
      invocation.waitUntil(options.deliver(invocation.signal))
      return { status: 202, data: presentRefund(refund) }
    },
  })
}
