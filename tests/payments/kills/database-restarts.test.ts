import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { createCallbackApp } from '#functions/callback/callback-app.ts'
import { migrate } from '#scripts/migrate.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { startPostgres } from '#scripts/services/postgres.ts'
import { tellDownstream } from '#shared/backend/downstream.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { numberOf } from '#shared/payments/order-states.ts'
import { placeOrder } from '#shared/payments/place-order.ts'
import { secret } from '#shared/secret.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import type { Tracer } from '#shared/telemetry/tracer.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { contradictions, readBooks } from '#tests/payments/contradictions.ts'
import { eventually } from '#tests/services/eventually.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { type ServedApp, serveApp } from '#tests/upload/serve-app.ts'
import { APP_ID, type PaySetting, startPay } from '#tests/wechat-pay/stand-in.ts'

const ORDERS = 48
const LANES = 8
/** Commits after which the database dies while one is under way. */
const COMMITS_EACH = 12
const never = new AbortController().signal
const clock = Date.now
const dataDir = join(temporaryFolder(), 'postgres')
const webhook = { url: new URL('http://127.0.0.1:1/hook'), key: new Uint8Array(32).fill(7) }

let port: number
let server: ReturnType<typeof startPostgres>
let database: ReturnType<typeof openDatabase>
let pay: PaySetting
let served: ServedApp
let commits = 0
let deaths = 0

/** Sends the commit, and kills the server before anybody knows what became of it. */
const killingCommits: Tracer = {
  async span(name, _attributes, work) {
    const result = work({ set: () => {}, traceparent: undefined })
    const statement = typeof name === 'string' ? name : name()
    if (statement === 'commit' && ++commits % COMMITS_EACH === 0) restart()
    return result
  },
}

function restart(): void {
  deaths += 1
  server = server.then(async ({ pid, ended }) => {
    process.kill(pid, 'SIGKILL')
    await ended
    return startPostgres({ dataDir, port })
  })
}

beforeAll(async () => {
  port = await freePort()
  server = startPostgres({ dataDir, port })
  const { url } = await server
  await migrate({ url: new URL(url) })
  database = openDatabase({ url: new URL(url), poolSize: 4, clock })
  const dying = openDatabase({ url: new URL(url), poolSize: 4, clock, tracer: killingCommits })
  pay = await startPay(clock, 'http://127.0.0.1/api/v1/callback/wechat-pay')
  const keys = generateSecrets()
  const { mchId, apiKey } = pay.standIn.account
  const app = createCallbackApp({
    appId: APP_ID,
    issuer: 'xiaohan',
    tokenKeys: parseTokenKeys(keys.TOKEN_KEYS),
    signingKeys: parseKeyring(keys.SIGNING_KEYS),
    limitFactor: 1_000,
    database: dying,
    state: memoryState({ clock }),
    clock,
    logger: createLogger({ level: 'error', write: () => {} }),
    pushToken: secret('none'),
    takeMediaVerdict: async () => async () => {},
    payments: {
      mchId,
      platformKeys: pay.platformKeys,
      apiKey: secret(apiKey),
      tell: tellDownstream({ webhook }, clock),
      deliver: async () => {},
    },
  })
  served = await serveApp({ ...app, close: () => dying.close() }, clock)
  pay.standIn.notifyAt(served.url)
}, 60_000)

afterAll(async () => {
  await Promise.all([served.stop(), pay.standIn.stop(), database.close()])
  await (await server).stop()
})

test('notifications whose commit the database dies in are told again, and each order is paid and told of once', async () => {
  const numbers: string[] = []
  for (let count = 0; count < ORDERS; count++) numbers.push(await paidOrder())
  const left = [...numbers]
  const refused: number[] = []

  const lane = async () => {
    for (let no = left.pop(); no !== undefined; no = left.pop()) await acknowledged(no, refused)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  await server

  const books = await readBooks(database)
  const kept = new Set(books.inbox.map(({ dedupe_key: each }) => each))
  expect(contradictions(books)).toEqual([])
  expect(books.orders.map(({ state }) => state)).toEqual(Array(ORDERS).fill('paid'))
  expect(numbers.filter((no) => !kept.has(no))).toEqual([])
  expect(kept.size).toBe(ORDERS)
  expect(new Set(refused)).toEqual(new Set([503]))
  expect(deaths).toBeGreaterThanOrEqual(ORDERS / COMMITS_EACH)
}, 120_000)

/** Again until it is taken in, as WeChat Pay does, only sooner; the notification has the order's number for its id. */
function acknowledged(no: string, refused: number[]): Promise<true> {
  return eventually(
    async () => {
      const [reply] = await pay.standIn.notifyPayment(no, { id: no })
      if (reply?.status === 204) return true
      refused.push(reply?.status ?? 0)
      return false
    },
    { withinMs: 60_000 },
  )
}

async function paidOrder(): Promise<string> {
  const placing = {
    userId: '01a2097f-5630-76e4-b8a4-13853fbf3a46',
    openid: 'obyt2nO-IK6rOKbjmMMmbXE-jnux',
    description: '月饼',
    amountFen: 100,
    metadata: {},
    clientKey: undefined,
  }
  const means = { database, clock, provider: pay.provider, providerName: 'wechat-pay' }
  const no = numberOf((await placeOrder(means, placing, never)).order.id)
  pay.standIn.pay(no)
  return no
}
