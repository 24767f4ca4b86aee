import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'

/** An answer of the partner other than a success. */
export class PartnerRefusal extends Error {
  override readonly name = 'PartnerRefusal'
  readonly status: number
  readonly error: string

  constructor(status: number, error: string) {
    super(`${status} ${error}`)
    this.status = status
    this.error = error
  }
}

const fen = v.pipe(v.number(), v.integer(), v.minValue(1))
const NewPayment = v.strictObject({
  no: v.string(),
  description: v.string(),
  amountFen: fen,
  currency: v.literal('CNY'),
  payer: v.strictObject({ openid: v.string() }),
  expiresAt: v.pipe(v.string(), v.isoTimestamp()),
  notifyUrl: v.pipe(v.string(), v.url()),
})
const NewRefund = v.strictObject({
  refundNo: v.string(),
  no: v.string(),
  amountFen: fen,
  totalFen: fen,
  reason: v.optional(v.string()),
  notifyUrl: v.pipe(v.string(), v.url()),
})

interface Payment {
  readonly terms: v.InferOutput<typeof NewPayment>
  readonly paymentId: string
  state: 'open' | 'paid' | 'closed'
  transactionId?: string
  paidAt?: string
}

interface PaidBack {
  readonly terms: v.InferOutput<typeof NewRefund>
  readonly refundId: string
  state: 'processing' | 'succeeded' | 'closed' | 'abnormal'
}

/** What customers owe a partner, paid and got back; gone when the stand-in stops. */
export function createPartnerPayments(clock: Clock) {
  const payments = new Map<string, Payment>()
  const refunds = new Map<string, PaidBack>()

  function find(no: string): Payment {
    const payment = payments.get(no)
    if (payment === undefined) throw new PartnerRefusal(404, 'unknown_payment')
    return payment
  }

  function refundOf(refundNo: string): PaidBack {
    const refund = refunds.get(refundNo)
    if (refund === undefined) throw new PartnerRefusal(404, 'unknown_refund')
    return refund
  }

  return {
    prepare(body: unknown) {
      const terms = parsed(NewPayment, body)
      const known = payments.get(terms.no)
      if (known !== undefined && JSON.stringify(known.terms) !== JSON.stringify(terms))
        throw new PartnerRefusal(409, 'another_payment')
      const payment = known ?? { terms, paymentId: `pay_${randomUUID()}`, state: 'open' as const }
      payments.set(terms.no, payment)
      return { paymentId: payment.paymentId }
    },
    find,
    query(no: string) {
      const { terms, state, transactionId, paidAt } = find(no)
      return state === 'paid' ? { state, transactionId, amountFen: terms.amountFen, paidAt } : { state }
    },
    /** The payer pays, once. */
    pay(no: string) {
      const payment = find(no)
      if (payment.state === 'paid') return
      if (payment.state === 'closed') throw new PartnerRefusal(409, 'payment_closed')
      payment.state = 'paid'
      payment.transactionId = `tx_${randomUUID()}`
      payment.paidAt = new Date(clock()).toISOString()
    },
    close(no: string) {
      const payment = find(no)
      if (payment.state === 'paid') throw new PartnerRefusal(409, 'payment_paid')
      payment.state = 'closed'
      return {}
    },
    refund(body: unknown) {
      const terms = parsed(NewRefund, body)
      const { state, terms: paid } = find(terms.no)
      if (state !== 'paid' || terms.totalFen !== paid.amountFen || terms.amountFen > paid.amountFen)
        throw new PartnerRefusal(422, 'not_refundable')
      const refund = refunds.get(terms.refundNo) ?? {
        terms,
        refundId: `re_${randomUUID()}`,
        state: 'processing' as const,
      }
      refunds.set(terms.refundNo, refund)
      return { refundId: refund.refundId, state: refund.state }
    },
    findRefund: refundOf,
    queryRefund(refundNo: string) {
      const { refundId, state } = refundOf(refundNo)
      return { refundId, state }
    },
    decideRefund(refundNo: string, state: PaidBack['state']) {
      refundOf(refundNo).state = state
    },
    /** What came in last of each kind. */
    latest: () => ({ no: [...payments.keys()].at(-1), refundNo: [...refunds.keys()].at(-1) }),
  }
}

export type PartnerPayments = ReturnType<typeof createPartnerPayments>

function parsed<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body)
  if (!result.success) throw new PartnerRefusal(422, 'unreadable')
  return result.output
}
