import type { IncomingMessage, ServerResponse } from 'node:http'
import * as v from 'valibot'
import { answerControl, sendJson } from '#scripts/emulator/answer-control.ts'
import { listen, type Listening } from '#scripts/emulator/listen.ts'
import {
  createFailures,
  type Failure,
  failureRoutes,
  type Failures,
} from '#scripts/emulator/partner/failures.ts'
import { webhookKey } from '#shared/signing/webhook.ts'

export interface ShopOptions {
  /** Of the webhook secret. */
  readonly key: Uint8Array
  readonly port?: number
}

/** What arrived at `/hook`. */
export interface Delivery {
  readonly id: string
  /** As `order.paid`. */
  readonly type: string
  readonly data: unknown
  /** Whether the signature of Standard Webhooks is right. */
  readonly isSigned: boolean
  /** What was answered; 0 where nothing was. */
  readonly answered: number
}

/** A shop's server that is told of what happens at `/hook`, shows that at `/deliveries`, and fails as told. */
export interface ShopStandIn extends Listening {
  readonly deliveries: Delivery[]
  readonly fail: Failures['next']
  readonly recover: Failures['recover']
}

const KEPT = 1_000
const Body = v.object({ type: v.string(), data: v.unknown() })

export async function startShop({ key, port = 0 }: ShopOptions): Promise<ShopStandIn> {
  const failures = createFailures()
  const deliveries: Delivery[] = []

  const routes = { 'GET /deliveries': () => deliveries, ...failureRoutes(failures) }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray())
    if (`${request.method} ${request.url}` === 'POST /hook') return receive(request, response, body)
    sendJson(response, await answerControl(routes, request, body.toString()))
  }

  function receive(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { id, type, data, isSigned } = readDelivery(key, request, body)
    const failure = failures.spoil(request, response)
    if (failure === undefined) response.writeHead(isSigned ? 204 : 401).end()
    const answered = failure === undefined ? response.statusCode : statusOf(failure)
    deliveries.push({ id, type, data, isSigned, answered })
    if (deliveries.length > KEPT) deliveries.shift()
  }

  const listening = await listen(serve, port)
  return { ...listening, deliveries, fail: failures.next, recover: failures.recover }
}

function readDelivery(key: Uint8Array, { headers }: IncomingMessage, body: Buffer) {
  const header = (name: string) => String(headers[`webhook-${name}`] ?? '')
  const proof = { id: header('id'), timestamp: header('timestamp'), signatures: header('signature') }
  const isSigned = webhookKey([{ partner: 'shop', kid: 'shop', key }], proof, body) !== undefined
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), Body), body.toString())
  const { type, data } = read.success ? read.output : { type: 'unreadable', data: null }
  return { id: proof.id, type, data, isSigned }
}

function statusOf(failure: Failure): number {
  if (failure.how === 'status') return failure.status
  return { silent: 0, reset: 0, huge: 200, redirect: 307 }[failure.how]
}
