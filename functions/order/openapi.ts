import * as v from 'valibot'
import type { RouteDescriptions } from '#shared/http/describe.ts'
import { publicOrderFields, publicRefundFields } from '#shared/payments/public-order-schema.ts'

const time = v.pipe(v.string(), v.isoTimestamp())

const payment = v.object({
  timeStamp: v.string(),
  nonceStr: v.string(),
  package: v.string(),
  signType: v.literal('RSA'),
  paySign: v.string(),
})

const refund = v.object(publicRefundFields)

const message = v.object({
  id: v.string(),
  topic: v.string(),
  target: v.string(),
  payload: v.unknown(),
  attempts: v.number(),
  lastError: v.nullable(v.string()),
  requestId: v.nullable(v.string()),
  createdAt: time,
})

/** What the client pays with where a partner takes the money. */
const partnerPayment = v.object({ paymentId: v.string() })

export const descriptions: RouteDescriptions = {
  'POST /orders': {
    summary: 'Place an order; `payment` goes into wx.requestPayment',
    auth: 'session',
    idempotent: true,
    answers: { 201: v.object({ ...publicOrderFields, payment: v.union([payment, partnerPayment]) }) },
    errors: [
      'conflict',
      'idempotency_mismatch',
      'refused_by_provider',
      'upstream_failed',
      'upstream_timeout',
    ],
  },
  'GET /orders/{no}': {
    summary: "One of the caller's orders with its refunds; an admin sees anybody's",
    auth: 'session',
    answers: { 200: v.object({ ...publicOrderFields, refunds: v.array(refund) }) },
    errors: ['not_found'],
  },
  'POST /orders/{no}/close': {
    summary: 'Give an order up; nobody can pay it from now on',
    auth: 'session',
    answers: { 200: v.object(publicOrderFields) },
    errors: ['not_found', 'conflict', 'refused_by_provider', 'upstream_failed', 'upstream_timeout'],
  },
  'POST /orders/{no}/refund': {
    summary: 'Pay an order back, all of it or a part',
    auth: 'session',
    idempotent: true,
    answers: { 202: refund },
    errors: ['not_found', 'forbidden', 'conflict', 'idempotency_mismatch', 'refused_by_provider'],
  },
  'GET /outbox/dead': {
    summary: 'Messages that nobody tries to deliver any more, newest first',
    auth: 'admin',
    answers: { 200: v.object({ items: v.array(message), nextCursor: v.nullable(v.string()) }) },
  },
  'POST /outbox/dead/redrive': {
    summary: 'Send dead messages again, the newest 1,000 at most',
    auth: 'admin',
    answers: { 200: v.object({ redriven: v.number(), isMore: v.boolean() }) },
  },
  'POST /outbox/dead/{id}/redrive': {
    summary: 'Send one dead message again',
    auth: 'admin',
    answers: { 200: v.object({ redriven: v.literal(1) }) },
    errors: ['not_found'],
  },
}
