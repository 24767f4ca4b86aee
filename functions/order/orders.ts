import type { RequireUser } from '#shared/backend/current-user.ts'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findOrder, type OrderRow } from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import { type Route, route } from '#shared/http/route.ts'
import { idOf, numberOf, orderStatus } from '#shared/payments/order-states.ts'
import { placeOrder } from '#shared/payments/place-order.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { NewOrder } from './schemas.ts'

export interface OrderRoutesOptions {
  readonly database: Database
  readonly clock: Clock
  readonly requireUser: RequireUser
  readonly provider: PaymentProvider
  readonly providerName?: string
}

const KEY_FORM = /^[\x21-\x7e]{1,255}$/

export function orderRoutes({
  database,
  clock,
  requireUser,
  provider,
  providerName = 'wechat-pay',
}: OrderRoutesOptions): readonly Route[] {
  return [
    /** POST /orders {description, amountFen, metadata?} → 201 {no, status, amountFen, …, payment} (Idempotency-Key: the same order again) */
    route({
      method: 'POST',
      path: '/orders',
      body: NewOrder,
      timeoutMs: 9_000,
      async handle({ request, body, signal }) {
        const { user } = await requireUser(request, signal)
        const clientKey = keyOf(request.headers)
        const placing = { ...body, userId: user.id, openid: user.openid, clientKey }
        const options = { database, clock, provider, providerName }
        const { order, prepared } = await placeOrder(options, placing, signal)
        return { status: 201, data: { ...presentOrder(order), payment: provider.payment(prepared) } }
      },
    }),
    /** GET /orders/{no} → 200 {no, status, amountFen, …} */
    route({
      method: 'GET',
      path: '/orders/{no}',
      async handle({ request, params, signal }) {
        const { user } = await requireUser(request, signal)
        const id = idOf(params['no'] ?? '')
        const order = id === undefined ? undefined : await findOrder(await database.sql(), id, signal)
        if (order === undefined || order.user_id !== user.id) throw new Fault('not_found')
        return { data: presentOrder(order) }
      },
    }),
  ]
}

function keyOf(headers: Headers): string | undefined {
  const key = headers.get('idempotency-key')
  if (key === null || KEY_FORM.test(key)) return key ?? undefined
  const message = 'expected 1 to 255 visible ASCII characters'
  throw new Fault('validation_failed', { details: [{ path: 'Idempotency-Key', message }] })
}

function presentOrder(order: OrderRow) {
  return {
    no: numberOf(order.id),
    status: orderStatus(order),
    description: order.description,
    amountFen: order.amount_fen,
    refundedFen: order.refunded_fen,
    metadata: JSON.parse(order.metadata),
    paidAt: order.paid_at?.toISOString() ?? null,
    expiresAt: order.expires_at.toISOString(),
    createdAt: order.created_at.toISOString(),
  }
}
