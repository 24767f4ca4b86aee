import type { RequireUser } from '#shared/backend/current-user.ts'
import { findOrder } from '#shared/db/tables/orders.ts'
import { listRefunds } from '#shared/db/tables/refunds.ts'
import { Fault } from '#shared/errors.ts'
import { type Route, route } from '#shared/http/route.ts'
import type { RefundOptions } from '#shared/payments/ask-refund.ts'
import { closeOrder } from '#shared/payments/close-order.ts'
import { placeOrder } from '#shared/payments/place-order.ts'
import { presentOrder, presentRefund } from '#shared/payments/present-order.ts'
import { clientKeyOf } from './client-key.ts'
import { refundRoute } from './refunds.ts'
import { requireOrder } from './require-order.ts'
import { NewOrder } from './schemas.ts'

export interface OrderRoutesOptions extends RefundOptions {
  readonly requireUser: RequireUser
  /** Who may ask for money back. */
  readonly refundsBy: 'owner' | 'admin'
  /** Delivers what is due. */
  readonly deliver: (signal: AbortSignal) => Promise<unknown>
}

export function orderRoutes(options: OrderRoutesOptions): readonly Route[] {
  const { database, requireUser, provider } = options
  return [
    /** POST /orders {description, amountFen, metadata?} → 201 {no, status, amountFen, …, payment} (Idempotency-Key: the same order again) */
    route({
      method: 'POST',
      path: '/orders',
      body: NewOrder,
      timeoutMs: 9_000,
      async handle({ request, body, signal }) {
        const { user } = await requireUser(request, signal)
        const clientKey = clientKeyOf(request.headers)
        const placing = { ...body, userId: user.id, openid: user.openid, clientKey }
        const { order, prepared } = await placeOrder(options, placing, signal)
        return { status: 201, data: { ...presentOrder(order), payment: provider.payment(prepared) } }
      },
    }),
    /** GET /orders/{no} → 200 {no, status, amountFen, …, refunds} (who placed it, or an admin) */
    route({
      method: 'GET',
      path: '/orders/{no}',
      async handle({ request, params, signal }) {
        const { order } = await requireOrder(options, { request, params }, signal)
        const refunds = await listRefunds(await database.sql(), order.id, signal)
        return { data: { ...presentOrder(order), refunds: refunds.map(presentRefund) } }
      },
    }),
    /** POST /orders/{no}/close → 200 {no, status: closed, …}; nobody can pay it from now on (who placed it, or an admin) */
    route({
      method: 'POST',
      path: '/orders/{no}/close',
      timeoutMs: 9_000,
      async handle({ request, params, invocation, signal }) {
        const { order } = await requireOrder(options, { request, params }, signal)
        const isOpen = order.state === 'created' || order.state === 'paying'
        if (isOpen)
          await closeOrder({ ...options, requestId: invocation.requestId }, order, 'given_up', signal)
        invocation.waitUntil(options.deliver(invocation.signal))
        const current = (await findOrder(await database.sql(), order.id, signal)) ?? order
        if (current.state === 'closed' || current.state === 'failed') return { data: presentOrder(current) }
        throw new Fault('conflict', { details: [{ reason: 'order_over', state: current.state }] })
      },
    }),
    refundRoute(options),
  ]
}
