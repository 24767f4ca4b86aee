import { type Delivery, startShop as startShopStandIn } from '#scripts/emulator/shop/start-shop.ts'
import { type CallbackOptions, createCallbackApp } from '#functions/callback/callback-app.ts'
import { createOrderApp, type OrderOptions } from '#functions/order/order-app.ts'
import type { PayAccount, ProvenBy } from '#scripts/emulator/wechat-pay/account.ts'
import { downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import type { Dialect } from '#shared/db/database.ts'
import type { App } from '#shared/http/app.ts'
import { drain } from '#shared/outbox/drain.ts'
import { pollOrders } from '#shared/payments/poll-orders.ts'
import { pollRefunds } from '#shared/payments/poll-refunds.ts'
import { secret } from '#shared/secret.ts'
import type { PlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { callApp, type TestAnswer, type TestCall } from '#tests/invocation.ts'
import { serveApp } from '#tests/upload/serve-app.ts'
import { APP_ID, type PaySetting, startPay } from '#tests/wechat-pay/stand-in.ts'

const never = new AbortController().signal
const key = new Uint8Array(32).fill(7)

interface ToldOrder extends Delivery {
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows the shape it asks for and asserts on it
  readonly data: any
}

/** Orders from end to end: the functions, WeChat Pay's stand-in that notifies over HTTP, and a shop that is told. */
export interface Shop {
  readonly backend: Backend
  readonly pay: PaySetting
  readonly order: App
  /** Where the backend is called back. */
  readonly callbackUrl: string
  /** What the shop behind the backend was told. */
  readonly deliveries: ToldOrder[]
  /** The shop answers with 500 until it recovers. */
  breakShop(): void
  recover(): void
  signIn(name: string): Promise<SignedIn>
  call(path: string, call?: TestCall): Promise<TestAnswer>
  /** The number of a new order of `alice`, of 100 fen. */
  placed(headers?: Readonly<Record<string, string>>): Promise<string>
  /** One that she has paid, as WeChat Pay told. */
  paid(): Promise<string>
  find(no: string): Promise<TestAnswer['body']['data']>
  poll(): Promise<void>
  /** Delivers what is due, once the deliveries under way have ended. */
  deliver(): Promise<void>
  close(): Promise<void>
}

export interface ShopOptions {
  readonly dialect?: Dialect
  readonly order?: Partial<OrderOptions>
  readonly callback?: Partial<CallbackOptions>
  /** How WeChat Pay proves what it sends; by a public key unless given. */
  readonly provenBy?: ProvenBy
  /** The keys of an account that the callback function was told of; all of them unless given. */
  readonly knows?: (account: PayAccount) => PlatformKeys
}

export async function startShop({
  dialect = 'postgres',
  provenBy,
  knows,
  ...changes
}: ShopOptions = {}): Promise<Shop> {
  const backend = await startBackend({ dialect, admins: ['root'] })
  const { parts, now } = backend
  const pay = await startPay(now, 'http://127.0.0.1/api/v1/callback/wechat-pay', provenBy)
  const server = await startShopStandIn({ key })
  const { deliveries } = server
  const webhook = { url: new URL(`${server.url}/hook`), key }
  const { account } = pay.standIn
  const targets = downstreamTargets({ webhook }, { clock: now, outbound: backend.outbound })
  const tell = tellDownstream({ webhook }, now)
  const delivering = new Set<Promise<unknown>>()

  function deliver(signal: AbortSignal): Promise<unknown> {
    const work = drain({ ...parts, targets, schedule: { waitsS: [10, 60] } }, signal)
    delivering.add(work)
    return work
  }

  const order = createOrderApp({
    ...parts,
    provider: pay.provider,
    refundsBy: 'owner',
    tell,
    deliver,
    ...changes.order,
  })
  const callback = createCallbackApp({
    ...parts,
    appId: APP_ID,
    pushToken: secret('none'),
    takeMediaVerdict: async () => async () => {},
    payments: {
      mchId: account.mchId,
      platformKeys: knows?.(account) ?? pay.platformKeys,
      apiKey: secret(account.apiKey),
      tell,
      deliver,
    },
    ...changes.callback,
  })
  const served = await serveApp(callback, changes.callback?.clock ?? now)
  pay.standIn.notifyAt(served.url)
  const tokens = new Map<string, string>()

  async function signIn(name: string): Promise<SignedIn> {
    const signedIn = await backend.signIn(name)
    tokens.set(name, signedIn.accessToken)
    return signedIn
  }

  /** As `alice` unless somebody else's token is given. */
  async function call(path: string, options: TestCall = {}): Promise<TestAnswer> {
    const token = options.token ?? tokens.get('alice') ?? (await signIn('alice')).accessToken
    const app = /^\/api\/v1\/(?:orders|outbox)/.test(path) ? order : callback
    const invocation = { deadline: now() + 10_000, ...options.invocation }
    return callApp(app, path, { ...options, token, invocation })
  }

  async function placed(headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const body = { description: '月饼', amountFen: 100, metadata: { sku: 1 } }
    const answer = await call('/api/v1/orders', { body, headers })
    if (answer.status !== 201) throw new TypeError(`Cannot place an order: ${JSON.stringify(answer.body)}`)
    return answer.body.data.no
  }

  return {
    backend,
    pay,
    order,
    callbackUrl: served.url,
    deliveries,
    breakShop: () => server.fail({ how: 'status', status: 500 }, Infinity),
    recover: server.recover,
    signIn,
    call,
    placed,
    async paid() {
      const no = await placed()
      pay.standIn.pay(no)
      await pay.standIn.notifyPayment(no)
      return no
    },
    find: async (no) => (await call(`/api/v1/orders/${no}`)).body.data,
    async poll() {
      const polling = { ...parts, provider: pay.provider, tell }
      await pollOrders(polling, never)
      await pollRefunds(polling, never)
    },
    async deliver() {
      await Promise.allSettled(delivering) // what calls left in the background may hold the messages
      await deliver(never)
    },
    async close() {
      await Promise.allSettled(delivering)
      await Promise.all([served.stop(), pay.standIn.stop(), server.stop()])
      await backend.close()
    },
  }
}
