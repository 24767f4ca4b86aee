import * as v from 'valibot'
import type { RouteDescriptions } from '#shared/http/describe.ts'

const time = v.pipe(v.string(), v.isoTimestamp())

const orderFields = {
  no: v.string(),
  status: v.picklist(['created', 'paying', 'paid', 'refunding', 'refunded', 'closed', 'failed']),
  description: v.string(),
  amountFen: v.number(),
  refundedFen: v.number(),
  metadata: v.record(v.string(), v.unknown()),
  paidAt: v.nullable(time),
  expiresAt: time,
  createdAt: time,
}

const payment = v.object({
  timeStamp: v.string(),
  nonceStr: v.string(),
  package: v.string(),
  signType: v.literal('RSA'),
  paySign: v.string(),
})

/** What the client pays with where a partner takes the money. */
const partnerPayment = v.object({ paymentId: v.string() })

export const descriptions: RouteDescriptions = {
  'POST /orders': {
    summary: 'Place an order; `payment` goes into wx.requestPayment',
    auth: 'session',
    idempotent: true,
    answers: { 201: v.object({ ...orderFields, payment: v.union([payment, partnerPayment]) }) },
    errors: ['conflict', 'idempotency_mismatch', 'upstream_failed', 'upstream_timeout'],
  },
  'GET /orders/{no}': {
    summary: "One of the caller's orders",
    auth: 'session',
    answers: { 200: v.object(orderFields) },
    errors: ['not_found'],
  },
}
