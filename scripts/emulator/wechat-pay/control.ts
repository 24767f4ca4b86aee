import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import * as v from 'valibot'
import { mayControl } from '#scripts/emulator/wechat/control-routes.ts'
import { FLAWS } from './notify.ts'
import { PayRefusal } from './refusal.ts'
import type { Notifying, WechatPayStandIn } from './start-wechat-pay.ts'

const LAST = 'last'
const Fen = v.pipe(v.number(), v.integer(), v.minValue(1))
const How = { flaw: v.optional(v.picklist(FLAWS)), amountFen: v.optional(Fen) }

const Pay = v.strictObject({ no: v.optional(v.string(), LAST) })
const PaymentNotice = v.strictObject({ no: v.optional(v.string(), LAST), ...How })
const RefundNotice = v.strictObject({
  refundNo: v.optional(v.string(), LAST),
  status: v.picklist(['SUCCESS', 'CLOSED', 'ABNORMAL']),
  ...How,
})
const Failure = v.strictObject({
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  code: v.string(),
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 1),
})

type Desk = Pick<WechatPayStandIn, 'pay' | 'fail' | 'decideRefund' | 'notifyPayment' | 'notifyRefund'> & {
  /** The latest number of each kind; undefined where there is none. */
  readonly latest: () => { readonly no: string | undefined; readonly refundNo: string | undefined }
}

/** A notification that is ready to be sent, as often as wanted. */
type Ready = () => Promise<{ readonly status: number; readonly text: string } | undefined>

/** The stand-in by HTTP, for `npm run invoke -- fire`. */
export function createPayControl(desk: Desk) {
  const ready = new Map<string, Ready>()

  function prepared(
    number: string,
    send: (how: Notifying) => ReturnType<Desk['notifyPayment']>,
    how: Notifying,
  ) {
    const id = randomUUID()
    ready.set(id, async () => (await send({ ...how, id }))[0])
    return { id, number }
  }

  const routes = {
    /** The payer pays; nobody is told. */
    'POST /_control/payments': accepting(Pay, ({ no }) => {
      const number = orLast(no, desk.latest().no, 'order')
      desk.pay(number)
      return { number }
    }),
    /** Makes the notification of a payment ready; what the payer owes is paid by then. */
    'POST /_control/payment-notices': accepting(PaymentNotice, ({ no, ...how }) => {
      const number = orLast(no, desk.latest().no, 'order')
      desk.pay(number)
      return prepared(number, (all) => desk.notifyPayment(number, all), how)
    }),
    /** Decides on a refund, and makes the notification of that ready. */
    'POST /_control/refund-notices': accepting(RefundNotice, ({ refundNo, status, ...how }) => {
      const number = orLast(refundNo, desk.latest().refundNo, 'refund')
      desk.decideRefund(number, status)
      return prepared(number, (all) => desk.notifyRefund(number, all), how)
    }),
    /** Has the next calls of the API fail. */
    'POST /_control/failures': accepting(Failure, (failure) => {
      desk.fail(failure)
      return {}
    }),
  } as const satisfies Record<string, Route>

  /** Sends a notification that is ready: `POST /_control/notices/{id}` → what was answered. */
  async function send(id: string): Promise<unknown> {
    const notice = ready.get(id)
    if (notice === undefined) throw new PayRefusal(404, 'NOT_FOUND', 'no notification of this id is ready')
    return notice().catch(() => ({ status: 0, text: 'no answer' }))
  }

  return async (
    request: IncomingMessage,
    body: string,
  ): Promise<readonly [status: number, value: unknown]> => {
    if (!mayControl(request)) return [403, { error: 'only programs on this machine may do this' }]
    const route = `${request.method} ${request.url}`
    try {
      const [, id] = /^POST \/_control\/notices\/([\w-]+)$/.exec(route) ?? []
      if (id !== undefined) return [200, await send(id)]
      const act: Route | undefined = Object.entries(routes).find(([name]) => name === route)?.[1]
      return act === undefined ? [404, { error: 'not found' }] : [200, act(JSON.parse(body || '{}'))]
    } catch (error) {
      const status = error instanceof PayRefusal ? error.status : 400
      return [status, { error: error instanceof Error ? error.message : 'failed' }]
    }
  }
}

type Route = (body: unknown) => unknown

function accepting<Schema extends v.GenericSchema>(
  schema: Schema,
  act: (input: v.InferOutput<Schema>) => unknown,
): Route {
  return (body) => act(v.parse(schema, body))
}

function orLast(number: string, latest: string | undefined, kind: string): string {
  if (number !== LAST) return number
  if (latest === undefined) throw new PayRefusal(404, 'NOT_FOUND', `no ${kind} has come in yet`)
  return latest
}
