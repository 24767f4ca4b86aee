import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerControl, sendJson } from '#scripts/emulator/answer-control.ts'
import { listen, type Listening } from '#scripts/emulator/listen.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import { newPayAccount, type PayAccount, platformHeaders, type ProvenBy, signingKey } from './account.ts'
import { controlRoutes } from './control.ts'
import { createNotifications, type Notifications } from './notifications.ts'
import { createPayApi, type PayFailure } from './pay-api.ts'
import { createPayments, type Payments } from './payments.ts'
import { PayRefusal } from './refusal.ts'

export interface WechatPayStandInOptions {
  readonly appId: string
  readonly port?: number
  readonly clock?: Clock
  /** How the account's messages are proven; by a public key unless given. */
  readonly provenBy?: ProvenBy
}

/** A server that answers like api.mch.weixin.qq.com for one merchant, all in memory, and notifies when told. */
export interface WechatPayStandIn extends Listening, Notifications, Pick<Payments, 'pay' | 'decideRefund'> {
  readonly account: PayAccount
  /** What the next calls meet. */
  readonly fail: (failure: PayFailure) => void
}

/** Starts the stand-in on 127.0.0.1. Signatures are verified and made for real. */
export async function startWechatPay(options: WechatPayStandInOptions): Promise<WechatPayStandIn> {
  const { appId, port = 0, clock = systemClock, provenBy } = options
  const account = newPayAccount(appId, provenBy)
  const payments = createPayments(account, clock)
  const api = createPayApi({ account, payments }, clock)
  const notifications = createNotifications(account, payments, clock)
  const control = controlRoutes({ ...api, payments, notifications, clock })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: target = '', headers } = request
    let body = ''
    for await (const part of request.setEncoding('utf8')) body += part
    if (target.startsWith('/_control/'))
      return sendJson(response, await answerControl(control, request, body))
    const { authorization = '' } = headers
    try {
      const value = api.answer({ method, target, body, authorization })
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

  const { pay, decideRefund } = payments
  return {
    ...(await listen(serve, port)),
    account,
    ...notifications,
    fail: (next) => api.fail(next),
    pay,
    decideRefund,
  }
}
