import * as v from 'valibot'
import type { presentOrder, presentRefund } from './present-order.ts'

const time = v.pipe(v.string(), v.isoTimestamp())

/** What `presentOrder` gives, for the API documentation; no bundle holds it. */
export const publicOrderFields = {
  no: v.string(),
  status: v.picklist(['created', 'paying', 'paid', 'refunding', 'refunded', 'closed', 'failed']),
  description: v.string(),
  amountFen: v.number(),
  refundedFen: v.number(),
  metadata: v.record(v.string(), v.unknown()),
  paidAt: v.nullable(time),
  expiresAt: time,
  createdAt: time,
} satisfies Record<keyof ReturnType<typeof presentOrder>, v.GenericSchema>

/** What `presentRefund` gives. */
export const publicRefundFields = {
  refundNo: v.string(),
  no: v.string(),
  status: v.picklist(['processing', 'succeeded', 'closed', 'abnormal']),
  amountFen: v.number(),
  reason: v.nullable(v.string()),
  createdAt: time,
} satisfies Record<keyof ReturnType<typeof presentRefund>, v.GenericSchema>
