import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerControl, sendJson } from '#scripts/emulator/answer-control.ts'
import { listen, type Listening } from '#scripts/emulator/listen.ts'
import { payControlRoutes } from '#scripts/emulator/pay-control.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import type { PartnerKey } from '#shared/signing/partner-keys.ts'
import { signatureChecker } from './check-signature.ts'
import { createFailures, failureRoutes, type Failures } from './failures.ts'
import { type Notice, NOTICE_FLAWS, type Reply, sendNotice } from './partner-notice.ts'
import { createPartnerPayments, type PartnerPayments, PartnerRefusal } from './partner-payments.ts'

export interface PartnerOptions {
  /** Signs both ways. */
  readonly key: PartnerKey
  readonly port?: number
  readonly clock?: Clock
}

/** What a message of the outbox looked like when it arrived. */
export interface Received {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Another amount than was paid, or paid back, where one is given. */
interface Telling extends Partial<Notice> {
  readonly amountFen?: number | undefined
}

/** What a refund becomes. */
export const PARTNER_DECISIONS = ['succeeded', 'closed', 'abnormal'] as const

/**
 * A partner that takes payments as docs/partners.md says and messages at `/hook`, fails as told, and takes orders below
 * `/_control/`.
 */
export interface PartnerStandIn extends Pick<PartnerPayments, 'pay' | 'decideRefund'>, Listening {
  /** From now on notices go to this origin, whatever the one in their URL. */
  notifyAt(origin: string): void
  /** What the next calls meet, whatever they want. */
  readonly fail: Failures['next']
  /** Messages at `/hook`, those that met a failure included. */
  readonly received: readonly Received[]
  /** `METHOD /path` of the calls so far. */
  readonly calls: readonly string[]
  /** Tells that an order is paid. */
  notifyPayment(no: string, how?: Telling): Promise<readonly Reply[]>
  /** Tells what became of a refund. */
  notifyRefund(refundNo: string, how?: Telling): Promise<readonly Reply[]>
}

type Route = (payments: PartnerPayments, no: string, body: unknown) => unknown

const ROUTES: readonly (readonly [pattern: RegExp, route: Route])[] = [
  [/^POST \/payments$/, (payments, _, body) => payments.prepare(body)],
  [/^GET \/payments\/(\w+)$/, (payments, no) => payments.query(no)],
  [/^POST \/payments\/(\w+)\/close$/, (payments, no) => payments.close(no)],
  [/^POST \/refunds$/, (payments, _, body) => payments.refund(body)],
  [/^GET \/refunds\/(\w+)$/, (payments, no) => payments.queryRefund(no)],
]

export async function startPartner({
  key,
  port = 0,
  clock = systemClock,
}: PartnerOptions): Promise<PartnerStandIn> {
  const failures = createFailures()
  const payments = createPartnerPayments(clock)
  const check = signatureChecker(key, clock)
  const received: Received[] = []
  const calls: string[] = []
  let origin: string | undefined

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const body = Buffer.concat(await request.toArray())
    if (url.startsWith('/_control/'))
      return sendJson(response, await answerControl(control, request, body.toString()))
    calls.push(`${method} ${url}`)
    if (url === '/hook') received.push({ headers, body: body.toString() })
    if (failures.spoil(request, response) !== undefined) return
    if (url === '/hook') return void response.end()
    const signature = String(headers['x-signature'])
    try {
      check({ method, url: `http://${headers.host}${url}`, signature, body })
      sendJson(response, [200, answer(`${method} ${url}`, body.toString())])
    } catch (error) {
      const refusal = error instanceof PartnerRefusal ? error : new PartnerRefusal(500, 'broken')
      sendJson(response, [refusal.status, { error: refusal.error }])
    }
  }

  function answer(call: string, body: string): unknown {
    for (const [pattern, route] of ROUTES) {
      const match = pattern.exec(call)
      if (match !== null) return route(payments, match[1] ?? '', body === '' ? undefined : JSON.parse(body))
    }
    throw new PartnerRefusal(404, 'unknown_path')
  }

  function notify(
    url: string,
    type: string,
    { data, amountFen, ...how }: Telling,
  ): Promise<readonly Reply[]> {
    const at = origin === undefined ? url : new URL(new URL(url).pathname, origin).href
    const told = { ...Object(data), ...(amountFen === undefined ? {} : { amountFen }) }
    return sendNotice(key, { url: at, type, ...how, data: told }, clock)
  }

  const desk = {
    pay: (no: string) => payments.pay(no),
    decideRefund: (no: string, state: (typeof PARTNER_DECISIONS)[number]) => payments.decideRefund(no, state),
    notifyPayment(no: string, how: Telling = {}) {
      const { state: _, ...paid } = payments.query(no)
      return notify(payments.find(no).terms.notifyUrl, 'payment.paid', { data: { no, ...paid }, ...how })
    },
    notifyRefund(refundNo: string, how: Telling = {}) {
      const { no, amountFen, totalFen, notifyUrl } = payments.findRefund(refundNo).terms
      const data = { refundNo, no, amountFen, totalFen, ...payments.queryRefund(refundNo) }
      return notify(notifyUrl, 'refund.decided', { data, ...how })
    },
  }
  const control = {
    ...failureRoutes(failures),
    ...payControlRoutes(
      {
        ...desk,
        flaws: NOTICE_FLAWS,
        decisions: PARTNER_DECISIONS,
        orderOf: (refundNo) => payments.findRefund(refundNo).terms.no,
        latest: payments.latest,
      },
      clock,
    ),
  }

  return {
    ...(await listen(serve, port)),
    ...desk,
    fail: failures.next,
    received,
    calls,
    notifyAt(to) {
      origin = to
    },
  }
}
