import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Clock, systemClock } from '#shared/clock.ts'
import type { PartnerKey } from '#shared/signing/partner-keys.ts'
import { signatureChecker } from './check-signature.ts'
import { createFailures, type Failures } from './failures.ts'
import { type Notice, type Reply, sendNotice } from './partner-notice.ts'
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

/** A partner that takes payments as docs/partners.md says and messages at `/hook`, and fails as told. */
export interface PartnerStandIn extends Pick<PartnerPayments, 'pay' | 'decideRefund'> {
  readonly url: string
  /** What the next calls meet, whatever they want. */
  readonly fail: Failures['next']
  /** Messages at `/hook`, those that met a failure included. */
  readonly received: readonly Received[]
  /** `METHOD /path` of the calls so far. */
  readonly calls: readonly string[]
  /** Tells that an order is paid. */
  notifyPayment(no: string, how?: Partial<Notice>): Promise<readonly Reply[]>
  /** Tells what became of a refund. */
  notifyRefund(refundNo: string, how?: Partial<Notice>): Promise<readonly Reply[]>
  stop(): Promise<void>
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

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    calls.push(`${method} ${url}`)
    const body = Buffer.concat(await request.toArray())
    if (url === '/hook') received.push({ headers, body: body.toString() })
    if (failures.spoil(request, response) !== undefined) return
    if (url === '/hook') return void response.end()
    const signature = String(headers['x-signature'])
    try {
      check({ method, url: `http://${headers.host}${url}`, signature, body })
      send(response, 200, answer(`${method} ${url}`, body.toString()))
    } catch (error) {
      const refusal = error instanceof PartnerRefusal ? error : new PartnerRefusal(500, 'broken')
      send(response, refusal.status, { error: refusal.error })
    }
  }

  function answer(call: string, body: string): unknown {
    for (const [pattern, route] of ROUTES) {
      const match = pattern.exec(call)
      if (match !== null) return route(payments, match[1] ?? '', body === '' ? undefined : JSON.parse(body))
    }
    throw new PartnerRefusal(404, 'unknown_path')
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy()) // the caller went away
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new TypeError('Cannot read the port of the stand-in')

  return {
    url: `http://127.0.0.1:${address.port}`,
    fail: failures.next,
    received,
    calls,
    pay: (no) => payments.pay(no),
    decideRefund: (refundNo, state) => payments.decideRefund(refundNo, state),
    notifyPayment(no, how = {}) {
      const { terms } = payments.find(no)
      const { state: _, ...paid } = payments.query(no)
      return sendNotice(
        key,
        { url: terms.notifyUrl, type: 'payment.paid', data: { no, ...paid }, ...how },
        clock,
      )
    },
    notifyRefund(refundNo, how = {}) {
      const { terms } = payments.findRefund(refundNo)
      const { no, amountFen, totalFen, notifyUrl: url } = terms
      const data = { refundNo, no, amountFen, totalFen, ...payments.queryRefund(refundNo) }
      return sendNotice(key, { url, type: 'refund.decided', data, ...how }, clock)
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
