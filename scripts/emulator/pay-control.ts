import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { accepting, type ControlRoutes } from './answer-control.ts'

/** How a notice differs from the true one. */
export interface NoticeWish<Flaw> {
  /** The same each time it is sent. */
  readonly id: string
  /** When it was made, in milliseconds: before it was sent. */
  readonly madeMs: number
  readonly flaw: Flaw | undefined
  readonly amountFen: number | undefined
}

interface Reply {
  readonly status: number
  readonly text: string
}

/** A stand-in that takes payments, as its control sees it. */
export interface PayDesk<Flaw, Decision> {
  readonly flaws: readonly Flaw[]
  readonly decisions: readonly Decision[]
  pay(no: string): void
  decideRefund(refundNo: string, decision: Decision): void
  notifyPayment(no: string, how: NoticeWish<Flaw>): Promise<readonly Reply[]>
  notifyRefund(refundNo: string, how: NoticeWish<Flaw>): Promise<readonly Reply[]>
  /** The number of the order that is paid back. */
  orderOf(refundNo: string): string
  /** The latest number of each kind; undefined where there is none. */
  latest(): { readonly no: string | undefined; readonly refundNo: string | undefined }
}

const LAST = 'last'
const HOW = {
  flaw: v.optional(v.string()),
  amountFen: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** How long ago it was made. */
  ageS: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
}
const How = v.object(HOW)
const Pay = v.strictObject({ no: v.optional(v.string(), LAST) })
const PaymentNotice = v.strictObject({ no: v.optional(v.string(), LAST), ...HOW })
const RefundNotice = v.strictObject({ refundNo: v.optional(v.string(), LAST), status: v.string(), ...HOW })
const Send = v.strictObject({ id: v.string() })

/** Payments by HTTP, for `npm run invoke -- fire`: a notice is made ready once, and sent as often as wanted. */
export function payControlRoutes<const Flaw extends string, const Decision extends string>(
  desk: PayDesk<Flaw, Decision>,
  clock: () => number,
): ControlRoutes {
  const ready = new Map<string, () => Promise<Reply | undefined>>()

  function prepared(
    send: (how: NoticeWish<Flaw>) => Promise<readonly Reply[]>,
    { flaw, amountFen, ageS }: v.InferOutput<typeof How>,
  ): string {
    const known = flaw === undefined ? undefined : oneOf(desk.flaws, flaw)
    const how = { id: randomUUID(), madeMs: clock() - 1_000 * ageS, flaw: known, amountFen }
    ready.set(how.id, async () => (await send(how))[0])
    return how.id
  }

  return {
    /** The payer pays; nobody is told. */
    'POST /_control/payments': accepting(Pay, ({ no }) => {
      const number = orLast(no, desk.latest().no, 'order')
      desk.pay(number)
      return { number }
    }),
    /** Makes the notice of a payment ready; what the payer owes is paid by then. */
    'POST /_control/payment-notices': accepting(PaymentNotice, ({ no, ...how }) => {
      const number = orLast(no, desk.latest().no, 'order')
      desk.pay(number)
      return { number, id: prepared((all) => desk.notifyPayment(number, all), how) }
    }),
    /** Decides on a refund, and makes the notice of that ready. */
    'POST /_control/refund-notices': accepting(RefundNotice, ({ refundNo, status, ...how }) => {
      const number = orLast(refundNo, desk.latest().refundNo, 'refund')
      desk.decideRefund(number, oneOf(desk.decisions, status))
      const id = prepared((all) => desk.notifyRefund(number, all), how)
      return { number, orderNumber: desk.orderOf(number), id }
    }),
    /** Sends a notice that is ready; what was answered. */
    'POST /_control/notices': accepting(Send, async ({ id }) => {
      const send = ready.get(id)
      if (send === undefined) throw new TypeError('no notice of this id is ready')
      return send().catch(() => ({ status: 0, text: 'no answer' }))
    }),
  }
}

function oneOf<T extends string>(values: readonly T[], text: string): T {
  const found = values.find((value) => value === text)
  if (found === undefined) throw new TypeError(`must be one of ${values.join(', ')}`)
  return found
}

function orLast(number: string, latest: string | undefined, kind: string): string {
  if (number !== LAST) return number
  if (latest === undefined) throw new TypeError(`no ${kind} has come in yet`)
  return latest
}
