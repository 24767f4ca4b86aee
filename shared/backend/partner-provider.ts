import * as v from 'valibot'
import { Fault } from '#shared/errors.ts'
import { instant } from '#shared/instant.ts'
import { numberOf } from '#shared/payments/order-states.ts'
import type { PaymentProvider, PaymentState } from '#shared/payments/provider.ts'
import type { CallPartner } from './partner-api.ts'

export interface PartnerProviderOptions {
  /** Of the partner; its notifications come by this name. */
  readonly name: string
  readonly call: CallPartner
  /** Where the partner tells of payments: `/api/v1/callback/<its name>`. */
  readonly notifyUrl: string
}

const text = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,64}$/))
const Prepared = v.object({ paymentId: text })
const Payment = v.variant('state', [
  v.object({ state: v.picklist(['open', 'closed']) }),
  v.object({
    state: v.literal('paid'),
    transactionId: text,
    amountFen: v.pipe(v.number(), v.integer()),
    paidAt: instant,
  }),
])
const Refund = v.object({
  refundId: text,
  state: v.picklist(['processing', 'succeeded', 'closed', 'abnormal']),
})

/** Any partner that speaks the API of docs/partners.md, as who takes the money of orders. */
export function partnerProvider({ name, call, notifyUrl }: PartnerProviderOptions): PaymentProvider {
  return {
    name,

    async prepare(order, { openid }, signal) {
      const body = {
        no: numberOf(order.id),
        description: order.description,
        amountFen: order.amount_fen,
        currency: 'CNY',
        payer: { openid },
        expiresAt: order.expires_at.toISOString(),
        notifyUrl,
      }
      const { paymentId } = await call({ method: 'POST', path: '/payments', body, answer: Prepared }, signal)
      return { prepayId: paymentId }
    },

    payment: ({ prepayId: paymentId }) => ({ paymentId }),

    async query(order, signal) {
      const path = `/payments/${numberOf(order.id)}`
      const known = await unlessMissing(call({ method: 'GET', path, answer: Payment }, signal))
      return known === undefined ? { state: 'unknown' } : paymentState(known)
    },

    async close(order, signal) {
      const path = `/payments/${numberOf(order.id)}/close`
      const closing = call({ method: 'POST', path, body: {}, answer: v.unknown() }, signal)
      // Closed before, or paid meanwhile: what it is, the next query tells.
      await unlessMissing(closing).catch((error: unknown) => {
        if (!isFault(error, 'conflict')) throw error
      })
    },

    async refund(refund, order, signal) {
      const body = {
        refundNo: numberOf(refund.id),
        no: numberOf(order.id),
        amountFen: refund.amount_fen,
        totalFen: order.amount_fen,
        ...(refund.reason === null ? {} : { reason: refund.reason }),
        notifyUrl,
      }
      const { refundId, state } = await call(
        { method: 'POST', path: '/refunds', body, answer: Refund },
        signal,
      )
      return { state, providerId: refundId }
    },

    async queryRefund(refund, signal) {
      const path = `/refunds/${numberOf(refund.id)}`
      const known = await unlessMissing(call({ method: 'GET', path, answer: Refund }, signal))
      return known && { state: known.state, providerId: known.refundId }
    },
  }
}

function paymentState(known: v.InferOutput<typeof Payment>): PaymentState {
  return known.state === 'paid' ? known : { state: known.state }
}

/** What a call answers; undefined for what the partner does not know. */
async function unlessMissing<T>(calling: Promise<T>): Promise<T | undefined> {
  try {
    return await calling
  } catch (error) {
    if (isFault(error, 'not_found')) return undefined
    throw error
  }
}

function isFault(error: unknown, name: Fault['error']): boolean {
  return error instanceof Fault && error.error === name
}
