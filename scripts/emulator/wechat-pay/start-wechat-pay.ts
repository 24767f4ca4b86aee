import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Clock, systemClock } from '#shared/clock.ts'
import { newPayAccount, type PayAccount, platformHeaders, type ProvenBy, signingKey } from './account.ts'
import { createPayControl } from './control.ts'
import { checkAuthorization } from './check-authorization.ts'
import { type Flaw, noticeBody, sendNotice } from './notify.ts'
import { certificatesAnswer } from './platform-certificates.ts'
import { createPayments, type Payments } from './payments.ts'
import { PayRefusal } from './refusal.ts'

export interface WechatPayStandInOptions {
  readonly appId: string
  readonly port?: number
  readonly clock?: Clock
  /** How the account's messages are proven; by a public key unless given. */
  readonly provenBy?: ProvenBy
}

export interface Notifying {
  /** How often the same notification is sent, all at once. */
  readonly times?: number
  readonly flaw?: Flaw | undefined
  /** Where the account has both, what proves the notification; the certificate unless given. */
  readonly provenBy?: Exclude<ProvenBy, 'both'>
  /** Another amount than was paid, or paid back. */
  readonly amountFen?: number | undefined
  /** What else the notification holds than what is true. */
  readonly resource?: Readonly<Record<string, unknown>>
  /** What the notification is called, each time it is sent. */
  readonly id?: string
  /** Headers besides WeChat Pay's own. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What came back for each notification. */
export type Replies = readonly { readonly status: number; readonly text: string }[]

/** A server that answers like api.mch.weixin.qq.com for one merchant, all in memory, and notifies when told. */
export interface WechatPayStandIn {
  readonly url: string
  readonly account: PayAccount
  /** From now on notifications go to this origin, whatever the one in their URL. */
  notifyAt(origin: string): void
  /** What the next calls meet. */
  readonly fail: (failure: { readonly status: number; readonly code: string; readonly times: number }) => void
  /** The payer pays; nobody is told. */
  pay(no: string): void
  /** Tells of what became of an order. */
  notifyPayment(no: string, how?: Notifying): Promise<Replies>
  decideRefund(refundNo: string, status: 'SUCCESS' | 'CLOSED' | 'ABNORMAL'): void
  notifyRefund(refundNo: string, how?: Notifying): Promise<Replies>
  stop(): Promise<void>
}

type Route = (shop: Shop, match: readonly string[], body: unknown) => unknown

interface Shop {
  readonly account: PayAccount
  readonly payments: Payments
}

/** `METHOD path`, as a pattern → what it answers; undefined is a 204. */
const ROUTES: readonly (readonly [pattern: RegExp, route: Route])[] = [
  [/^POST \/v3\/pay\/transactions\/jsapi$/, ({ payments }, _, body) => payments.prepay(body)],
  [
    /^GET \/v3\/pay\/transactions\/out-trade-no\/([^/?]+)\?mchid=\d+$/,
    ({ payments }, [no = '']) => payments.transaction(no),
  ],
  [
    /^POST \/v3\/pay\/transactions\/out-trade-no\/([^/?]+)\/close$/,
    ({ payments }, [no = '']) => payments.close(no),
  ],
  [/^POST \/v3\/refund\/domestic\/refunds$/, ({ payments }, _, body) => payments.refund(body)],
  [/^GET \/v3\/refund\/domestic\/refunds\/([^/?]+)$/, ({ payments }, [no = '']) => payments.refundAnswer(no)],
  [/^GET \/v3\/certificates$/, ({ account }) => certificatesAnswer(account)],
]

/** Starts the stand-in on 127.0.0.1. Signatures are verified and made for real. */
export async function startWechatPay(options: WechatPayStandInOptions): Promise<WechatPayStandIn> {
  const { appId, port = 0, clock = systemClock, provenBy } = options
  const account = newPayAccount(appId, provenBy)
  const payments = createPayments(account, clock)
  let origin: string | undefined
  let failure: { status: number; code: string; times: number } | undefined

  function answer(
    method: string,
    target: string,
    { body, authorization }: { body: string; authorization: string },
  ): unknown {
    checkAuthorization(account, clock(), { method, target, body, authorization })
    if (failure !== undefined && failure.times > 0) {
      failure.times -= 1
      throw new PayRefusal(failure.status, failure.code, '系统异常')
    }
    for (const [pattern, route] of ROUTES) {
      const match = pattern.exec(`${method} ${target}`)
      if (match !== null)
        return route(
          { account, payments },
          match.slice(1).map(decodeURIComponent),
          body === '' ? undefined : JSON.parse(body),
        )
    }
    throw new PayRefusal(404, 'RESOURCE_NOT_EXISTS', '无此接口')
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const part of request.setEncoding('utf8')) body += part
    if (request.url?.startsWith('/_control/') === true) {
      const [status, value] = await control(request, body)
      const headers = { 'content-type': 'application/json' }
      return void response.writeHead(status, headers).end(JSON.stringify(value))
    }
    const authorization = request.headers.authorization ?? ''
    try {
      const value = answer(request.method ?? '', request.url ?? '', { body, authorization })
      send(request, response, { status: value === undefined ? 204 : 200, value })
    } catch (error) {
      const refusal = error instanceof PayRefusal ? error : new PayRefusal(500, 'SYSTEM_ERROR', String(error))
      const value = { code: refusal.code, message: refusal.message }
      send(request, response, { status: refusal.status, value })
    }
  }

  /** A merchant who names a key in the request is answered by it. */
  function send(
    request: IncomingMessage,
    response: ServerResponse,
    { status, value }: { readonly status: number; readonly value: unknown },
  ): void {
    const text = value === undefined ? '' : JSON.stringify(value)
    const headers = {
      ...platformHeaders(signingKey(account, String(request.headers['wechatpay-serial'])), text, clock()),
      date: new Date(clock()).toUTCString(),
      'request-id': randomUUID(),
      'content-type': 'application/json',
    }
    response.writeHead(status, headers).end(text)
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

  async function notify(
    url: string,
    notice: { readonly eventType: string; readonly resource: unknown },
    how: Notifying,
  ): Promise<Replies> {
    const { times = 1, flaw, id, headers = {}, provenBy: by } = how
    const key = signingKey(account, by === 'public-key' ? account.platformKey?.serial : undefined)
    const body = noticeBody(account, { ...notice, flaw, ...(id === undefined ? {} : { id }) }, clock())
    const target = origin === undefined ? url : new URL(new URL(url).pathname, origin).href
    return Promise.all(
      Array.from({ length: times }, () => sendNotice(key, { url: target, body, flaw, headers }, clock)),
    )
  }

  const standIn: WechatPayStandIn = {
    url: `http://127.0.0.1:${address.port}`,
    account,
    notifyAt(to) {
      origin = to
    },
    fail: (next) => {
      failure = { ...next }
    },
    pay: (no) => payments.pay(no),
    notifyPayment(no, how = {}) {
      const { terms } = payments.find(no)
      const amount = how.amountFen === undefined ? {} : { amountFen: how.amountFen }
      const resource = { ...payments.transaction(no, amount), ...how.resource }
      return notify(terms.notify_url, { eventType: 'TRANSACTION.SUCCESS', resource }, how)
    },
    decideRefund: (no, status) => payments.decideRefund(no, status),
    notifyRefund(no, how = {}) {
      const { status, amount, ...rest } = payments.refundAnswer(no)
      const { terms } = payments.refunds.get(no) ?? {}
      const resource = {
        mchid: account.mchId,
        ...rest,
        amount: { ...amount, ...(how.amountFen === undefined ? {} : { refund: how.amountFen }) },
        refund_status: status,
        user_received_account: '支付用户零钱',
        ...how.resource,
      }
      return notify(terms?.notify_url ?? '', { eventType: `REFUND.${status}`, resource }, how)
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const control = createPayControl({ ...standIn, latest: payments.latest })
  return standIn
}
