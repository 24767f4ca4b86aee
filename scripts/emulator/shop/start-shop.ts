import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import * as v from 'valibot'
import { createFailures, FAILURES, type Failure, type Failures } from '#scripts/emulator/partner/failures.ts'
import { mayControl } from '#scripts/emulator/wechat/control-routes.ts'
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

/** A shop's server that is told of what happens, and fails as told. */
export interface ShopStandIn {
  /** Deliveries go to `/hook`, `GET /deliveries` shows them. */
  readonly url: string
  readonly deliveries: Delivery[]
  readonly fail: Failures['next']
  readonly recover: Failures['recover']
  stop(): Promise<void>
}

const KEPT = 1_000
const Body = v.object({ type: v.string(), data: v.unknown() })
const Failing = v.strictObject({
  how: v.picklist(Object.keys(FAILURES) as [string, ...string[]]), // keys of a literal
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)), 1),
})

export async function startShop({ key, port = 0 }: ShopOptions): Promise<ShopStandIn> {
  const failures = createFailures()
  const deliveries: Delivery[] = []

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray())
    const route = `${request.method} ${request.url}`
    if (route === 'POST /hook') return receive(request, response, body)
    if (!mayControl(request))
      return send(response, 403, { error: 'only programs on this machine may do this' })
    if (route === 'GET /deliveries') return send(response, 200, deliveries)
    if (route === 'POST /_control/failures') return beginToFail(response, body)
    send(response, 404, { error: 'not found' })
  }

  function receive(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { id, type, data, isSigned } = readDelivery(key, request, body)
    const failure = failures.spoil(request, response)
    if (failure === undefined) response.writeHead(isSigned ? 204 : 401).end()
    const answered = failure === undefined ? response.statusCode : statusOf(failure)
    deliveries.push({ id, type, data, isSigned, answered })
    if (deliveries.length > KEPT) deliveries.shift()
  }

  function beginToFail(response: ServerResponse, body: Buffer): void {
    const read = v.safeParse(v.pipe(v.string(), v.parseJson(), Failing), body.toString())
    if (!read.success) return send(response, 400, { error: read.issues[0].message })
    const failure = FAILURES[read.output.how]
    if (failure !== undefined) failures.next(failure, read.output.times)
    send(response, 200, read.output)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy()) // the caller went away
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('Cannot read the port of the shop')

  return {
    url: `http://127.0.0.1:${address.port}`,
    deliveries,
    fail: failures.next,
    recover: failures.recover,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
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

function send(response: ServerResponse, status: number, value: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(`${JSON.stringify(value, null, 2)}\n`)
}
