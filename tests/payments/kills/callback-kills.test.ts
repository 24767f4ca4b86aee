import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { platformSetting } from '#scripts/emulator/wechat-pay/account.ts'
import type { Replies } from '#scripts/emulator/wechat-pay/notifications.ts'
import { downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import type { Dialect } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { drain } from '#shared/outbox/drain.ts'
import { askRefund } from '#shared/payments/ask-refund.ts'
import { numberOf } from '#shared/payments/order-states.ts'
import { placeOrder } from '#shared/payments/place-order.ts'
import { findOrder } from '#shared/db/tables/orders.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { contradictions, readBooks } from '#tests/payments/contradictions.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { seeded } from '#tests/services/seeded.ts'
import { testDatabase } from '#tests/services/test-database.ts'
import { APP_ID, type PaySetting, startPay } from '#tests/wechat-pay/stand-in.ts'
import { STEP_HEADER } from './die-at-step.ts'
import { type DoomedProcess, startDoomed } from './doomed-process.ts'

/** PAYMENT_KILLS=200 for the long run; the seed is fixed, so that a run can be had again. */
const RUNS = Number(process.env['PAYMENT_KILLS'] ?? 20)
const SEED = 20_261_123
/** Every statement and delivery of a notification is two: a payment has about 20, then it is over. */
const MOST_STEPS = 24
const LATER_MS = 10 * 60_000
const never = new AbortController().signal
const key = new Uint8Array(32).fill(7)

describe('callbacks whose process dies at any step, on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'callbacks whose process dies at any step, on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  const random = seeded(SEED)
  const deliveries: string[] = []
  let shiftMs = 0
  const clock = () => Date.now() + shiftMs
  const logger = createLogger({ level: 'error' })
  let database: ReturnType<typeof openDatabase>
  let pay: PaySetting
  let spare: Promise<DoomedProcess>
  let doomed: DoomedProcess
  let deaths = 0
  let begin: () => Promise<DoomedProcess>
  let close: () => Promise<void>
  let webhook: { readonly url: URL; readonly key: Uint8Array }

  beforeAll(async () => {
    const own = await testDatabase(dialect)
    database = openDatabase({ url: own.url, poolSize: 2, clock })
    pay = await startPay(clock, 'http://127.0.0.1/api/v1/callback/wechat-pay')
    const shop = createServer((request, response) => {
      request.resume().on('end', () => {
        deliveries.push(String(request.headers['webhook-id']))
        response.writeHead(204).end()
      })
    })
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve))
    const address = shop.address()
    const port = typeof address === 'object' ? address?.port : 0
    webhook = { url: new URL(`http://127.0.0.1:${port}/hook`), key }
    const { mchId, apiKey } = pay.standIn.account
    const settings = {
      databaseUrl: own.url.href,
      webhookUrl: webhook.url.href,
      webhookKey: Buffer.from(key).toString('base64'),
      appId: APP_ID,
      mchId,
      apiKey,
      platformKeys: platformSetting(pay.standIn.account),
    }
    begin = () => startDoomed(settings)
    spare = begin()
    doomed = await begin()
    close = async () => {
      shop.close()
      await Promise.all([doomed.stop(), (await spare).stop(), pay.standIn.stop(), database.close()])
      await own.close()
    }
  }, 30_000)
  afterAll(() => close?.())

  test(
    `${RUNS} times: nothing acknowledged is lost, and nothing happens twice`,
    async () => {
      const acknowledged: string[] = []
      for (let run = 0; run < RUNS; run++) {
        const orderId = await paidOrder(run)
        const refundNo = run % 2 === 1 ? await decidedRefund(orderId) : undefined
        const id = randomUUID()
        const how = { id, headers: { [STEP_HEADER]: String(1 + Math.floor(random() * MOST_STEPS)) } }

        const first = await notified(orderId, refundNo, how)
        if (first !== undefined) acknowledged.push(id)
        // What comes after an answer may still be under way: it dies there, or does not.
        await Promise.race([doomed.ended, ...(first === undefined ? [] : [quiet()])])
        expect(contradictions(await readBooks(database))).toEqual([])
        await acknowledgedAtLast(orderId, refundNo, id)
        acknowledged.push(id)
      }
      await doomed.stop()
      shiftMs = LATER_MS // leases of the dead are over
      const targets = downstreamTargets({ webhook }, { clock, outbound: createOutbound({ logger, clock }) })
      await drain({ database, clock, logger, targets, schedule: { waitsS: [10, 60] } }, never)

      const books = await readBooks(database)
      const kept = new Set(books.inbox.map(({ dedupe_key: each }) => each))
      const delivered = new Set(deliveries)
      expect(contradictions(books)).toEqual([])
      expect(books.orders.map(({ state }) => state)).toEqual(Array(RUNS).fill('paid'))
      expect(books.refunds.every(({ state }) => state === 'succeeded')).toBe(true)
      expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
      expect(books.outbox.filter(({ state }) => state !== 'done')).toEqual([])
      expect(books.outbox.filter(({ id }) => !delivered.has(id))).toEqual([])
      expect(delivered.size).toBe(books.outbox.length)
      expect(deaths).toBeGreaterThan(RUNS / 4)
    },
    60_000 + RUNS * 3_000,
  )

  async function paidOrder(run: number): Promise<string> {
    const placing = {
      userId: '01a2097f-5630-76e4-b8a4-13853fbf3a46',
      openid: 'obyt2nO-IK6rOKbjmMMmbXE-jnux',
      description: '月饼',
      amountFen: 100 + run,
      metadata: { run },
      clientKey: undefined,
    }
    const means = { database, clock, provider: pay.provider }
    const { order } = await placeOrder(means, placing, never)
    pay.standIn.pay(numberOf(order.id))
    return order.id
  }

  /** Of an order whose payment is known; the news of the refund is what is cut off then. */
  async function decidedRefund(orderId: string): Promise<string> {
    await acknowledgedAtLast(orderId, undefined, randomUUID())
    const order = await findOrder(await database.sql(), orderId, never)
    if (order === undefined) throw new TypeError('An order is gone')
    const options = {
      database,
      clock,
      logger,
      provider: pay.provider,
      tell: tellDownstream({ webhook }, clock),
    }
    const asking = { order, amountFen: 40, reason: undefined, clientKey: undefined, requestId: 'test' }
    const refundNo = numberOf((await askRefund(options, asking, never)).id)
    pay.standIn.decideRefund(refundNo, 'SUCCESS')
    return refundNo
  }

  /** As WeChat Pay does: again, to whoever serves then. The one before may die as late as this, after its answer. */
  async function acknowledgedAtLast(
    orderId: string,
    refundNo: string | undefined,
    id: string,
  ): Promise<void> {
    for (let replies: Replies | undefined; replies === undefined;) {
      if (doomed.hasEnded()) {
        deaths += 1
        doomed = await spare
        spare = begin()
      }
      replies = await notified(orderId, refundNo, { id })
      if (replies === undefined) await doomed.ended
      else expect(replies.map(({ status }) => status)).toEqual([204])
    }
  }

  /** What was answered; undefined where nothing was. */
  function notified(
    orderId: string,
    refundNo: string | undefined,
    how: object,
  ): Promise<Replies | undefined> {
    pay.standIn.notifyAt(doomed.url)
    const { standIn } = pay
    const telling =
      refundNo === undefined
        ? standIn.notifyPayment(numberOf(orderId), how)
        : standIn.notifyRefund(refundNo, how)
    return telling.catch(() => undefined)
  }

  /** Time for what goes on after an answer. */
  function quiet(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 40))
  }
}
