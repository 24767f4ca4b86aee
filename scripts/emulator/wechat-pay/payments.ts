import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import type { PayAccount } from './account.ts'
import { PayRefusal } from './refusal.ts'

const Fen = v.pipe(v.number(), v.integer(), v.minValue(1))
const OrderNo = v.pipe(v.string(), v.regex(/^[0-9A-Za-z_\-|*]{6,32}$/))
const NotifyUrl = v.pipe(v.string(), v.regex(/^https?:\/\/[^?#]+$/))

const Prepay = v.object({
  appid: v.string(),
  mchid: v.string(),
  description: v.pipe(v.string(), v.minLength(1), v.maxLength(127)),
  out_trade_no: OrderNo,
  time_expire: v.optional(v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/))),
  notify_url: NotifyUrl,
  amount: v.object({ total: Fen, currency: v.optional(v.literal('CNY'), 'CNY') }),
  payer: v.object({ openid: v.pipe(v.string(), v.minLength(1)) }),
})

const NewRefund = v.object({
  out_trade_no: OrderNo,
  out_refund_no: v.pipe(v.string(), v.regex(/^[0-9A-Za-z_\-|*@]{1,64}$/)),
  reason: v.optional(v.pipe(v.string(), v.maxLength(80))),
  notify_url: v.optional(NotifyUrl),
  amount: v.object({ refund: Fen, total: Fen, currency: v.literal('CNY') }),
})

export interface Payment {
  readonly terms: v.InferOutput<typeof Prepay>
  readonly prepayId: string
  state: 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED'
  transactionId?: string
  successTime?: string
}

/** What the bank decides on a refund. */
export const DECISIONS = ['SUCCESS', 'CLOSED', 'ABNORMAL'] as const

export interface PaidBack {
  readonly terms: v.InferOutput<typeof NewRefund>
  readonly refundId: string
  status: 'PROCESSING' | (typeof DECISIONS)[number]
  successTime?: string
}

/** What a merchant's customers owe, paid and got back; gone when the stand-in stops. */
export function createPayments({ appId, mchId }: PayAccount, clock: Clock) {
  const payments = new Map<string, Payment>()
  const refunds = new Map<string, PaidBack>()

  function prepay(body: unknown) {
    const terms = parsed(Prepay, body)
    if (terms.appid !== appId || terms.mchid !== mchId)
      throw new PayRefusal(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配')
    const known = payments.get(terms.out_trade_no)
    if (known === undefined) {
      const payment: Payment = { terms, prepayId: `wx${randomBytes(17).toString('hex')}`, state: 'NOTPAY' }
      payments.set(terms.out_trade_no, payment)
      return { prepay_id: payment.prepayId }
    }
    if (known.state === 'SUCCESS') throw new PayRefusal(400, 'ORDERPAID', '该订单已支付')
    if (known.state === 'CLOSED') throw new PayRefusal(400, 'ORDER_CLOSED', '该订单已关闭')
    if (JSON.stringify(known.terms) !== JSON.stringify(terms))
      throw new PayRefusal(400, 'INVALID_REQUEST', '请求重入时，参数与首次请求时不一致')
    return { prepay_id: known.prepayId }
  }

  function find(no: string): Payment {
    const payment = payments.get(no)
    if (payment === undefined) throw new PayRefusal(404, 'ORDER_NOT_EXIST', '订单不存在')
    return payment
  }

  /** What a query answers, and a notification holds. */
  function transaction(no: string, { amountFen }: { readonly amountFen?: number } = {}) {
    const { terms, state, transactionId, successTime } = find(no)
    const total = amountFen ?? terms.amount.total
    return {
      appid: appId,
      mchid: mchId,
      out_trade_no: no,
      trade_type: 'JSAPI',
      trade_state: state,
      trade_state_desc: state,
      payer: terms.payer,
      amount: { total, payer_total: total, currency: 'CNY', payer_currency: 'CNY' },
      ...(transactionId === undefined
        ? {}
        : { transaction_id: transactionId, success_time: successTime, bank_type: 'OTHERS' }),
    }
  }

  /** The payer has paid. */
  function pay(no: string): void {
    const payment = find(no)
    if (payment.state === 'CLOSED') throw new PayRefusal(400, 'ORDER_CLOSED', '该订单已关闭')
    if (payment.state !== 'NOTPAY') return
    payment.state = 'SUCCESS'
    payment.transactionId = `42000${randomBytes(11).toString('hex')}`
    payment.successTime = beijing(clock())
  }

  function close(no: string): void {
    const payment = find(no)
    if (payment.state === 'SUCCESS' || payment.state === 'REFUND')
      throw new PayRefusal(400, 'ORDERPAID', '该订单已支付')
    payment.state = 'CLOSED'
  }

  function refund(body: unknown) {
    const terms = parsed(NewRefund, body)
    const known = refunds.get(terms.out_refund_no)
    if (known !== undefined) {
      if (JSON.stringify(known.terms) !== JSON.stringify(terms))
        throw new PayRefusal(400, 'INVALID_REQUEST', '退款单参数不一致')
      return refundAnswer(terms.out_refund_no)
    }
    const payment = find(terms.out_trade_no)
    if (payment.state !== 'SUCCESS' && payment.state !== 'REFUND')
      throw new PayRefusal(400, 'INVALID_REQUEST', '订单未支付')
    const soFar = [...refunds.values()]
      .filter((one) => one.terms.out_trade_no === terms.out_trade_no && one.status !== 'CLOSED')
      .reduce((sum, one) => sum + one.terms.amount.refund, 0)
    if (terms.amount.total !== payment.terms.amount.total || soFar + terms.amount.refund > terms.amount.total)
      throw new PayRefusal(400, 'INVALID_REQUEST', '退款金额大于可退金额')
    refunds.set(terms.out_refund_no, {
      terms,
      refundId: `50300${randomBytes(11).toString('hex')}`,
      status: 'PROCESSING',
    })
    payment.state = 'REFUND'
    return refundAnswer(terms.out_refund_no)
  }

  function refundAnswer(no: string) {
    const found = refunds.get(no)
    if (found === undefined) throw new PayRefusal(404, 'RESOURCE_NOT_EXISTS', '退款单不存在')
    const { terms, refundId, status, successTime } = found
    return {
      refund_id: refundId,
      out_refund_no: no,
      out_trade_no: terms.out_trade_no,
      transaction_id: payments.get(terms.out_trade_no)?.transactionId,
      status,
      amount: {
        total: terms.amount.total,
        refund: terms.amount.refund,
        payer_total: terms.amount.total,
        payer_refund: terms.amount.refund,
      },
      ...(successTime === undefined ? {} : { success_time: successTime }),
    }
  }

  /** The bank has decided. */
  function decideRefund(no: string, status: (typeof DECISIONS)[number]): void {
    const found = refunds.get(no)
    if (found === undefined) throw new PayRefusal(404, 'RESOURCE_NOT_EXISTS', '退款单不存在')
    found.status = status
    if (status === 'SUCCESS') found.successTime = beijing(clock())
  }

  /** What came in last of each kind. */
  function latest() {
    return { no: [...payments.keys()].at(-1), refundNo: [...refunds.keys()].at(-1) }
  }

  return { latest, prepay, find, transaction, pay, close, refund, refundAnswer, decideRefund, refunds }
}

export type Payments = ReturnType<typeof createPayments>

function parsed<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body)
  if (!result.success)
    throw new PayRefusal(400, 'PARAM_ERROR', `参数错误: ${v.getDotPath(result.issues[0]) ?? ''}`)
  return result.output
}

function beijing(ms: number): string {
  return `${new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`
}
