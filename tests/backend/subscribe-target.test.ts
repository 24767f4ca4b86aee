import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { subscribeTarget, tellSubscribers } from '#shared/backend/subscribe-target.ts'
import { parseTemplates } from '#shared/backend/subscribe-templates.ts'
import type { Dialect } from '#shared/db/database.ts'
import { insertOrderOnce, type OrderRow } from '#shared/db/tables/orders.ts'
import { keepSubscription } from '#shared/db/tables/subscriptions.ts'
import { uuidv7 } from '#shared/ids.ts'
import { drain } from '#shared/outbox/drain.ts'
import { numberOf } from '#shared/payments/order-states.ts'
import { secret } from '#shared/secret.ts'
import { createWechat } from '#shared/wechat/wechat.ts'
import { APP_ID, type Backend, startBackend } from '#tests/backend.ts'
import { describeWith } from '#tests/services/describe-with.ts'

import { closedUrl } from '#tests/wechat/instances.ts'

const never = new AbortController().signal
const SEND = '/cgi-bin/message/subscribe/send'
const TEMPLATE_ID = 'VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc'
const TEMPLATES = {
  'order.paid': {
    templateId: TEMPLATE_ID,
    page: 'pages/orders',
    fields: {
      thing1: 'description',
      amount2: 'amountFen',
      time3: 'paidAt',
      character_string4: 'no',
      thing5: 'metadata.seat',
      thing6: '=欢迎再次光临',
    },
  },
}

describe('subscribe messages on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'subscribe messages on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let backend: Backend
  let userId: string
  let name: string
  let people = 0
  beforeAll(async () => {
    backend = await startBackend({ dialect })
  }, 60_000)
  afterAll(() => backend?.close())
  beforeEach(async () => {
    name = `payer${++people}`
    userId = (await backend.signIn(name)).user.id
    backend.wechat.control.clearFailures()
    await (await backend.database.sql()).deleteFrom('outbox').execute()
  })

  /** News of an order of the user, told in a transaction; the order's number. */
  async function told(change: Partial<OrderRow> = {}, topic = 'order.paid'): Promise<string> {
    const now = new Date(backend.now())
    const order = orderRow({ id: uuidv7(backend.now()), user_id: userId, now, ...change })
    const { database } = backend
    const sql = await database.sql()
    await insertOrderOnce({ sql, dialect }, order, never)
    const no = numberOf(order.id)
    const payload = {
      no,
      amountFen: order.amount_fen,
      paidAt: '2026-11-23T12:00:00.000Z',
      metadata: JSON.parse(order.metadata),
    }
    const news = { topic, payload, requestId: 'r-1' }
    const tell = tellSubscribers(parseTemplates(JSON.stringify(TEMPLATES)), backend.now)
    await sql.transaction().execute((own) => tell(own, news, never))
    return no
  }

  function drained(baseUrl = backend.wechat.url) {
    const { parts, database, state, outbound } = backend
    const { logger, clock } = parts
    const app = { appId: APP_ID, secret: secret('9f8e7d6c5b4a39281706f5e4d3c2b1a0') }
    const wechat = createWechat({ ...app, baseUrl, outbound, state, logger, clock, timeoutMs: 300 })
    const targets = subscribeTarget({ database, templates: TEMPLATES, wechat })
    return drain({ database, clock, logger, targets, schedule: { waitsS: [10, 60] } }, never)
  }

  const outbox = async () => (await backend.database.sql()).selectFrom('outbox').selectAll().execute()
  const sentTo = (person: string) =>
    backend.wechat.control.sentMessages().filter((message) => message.name === person)

  test('the payer is told of an order, in the forms of the template’s fields', async () => {
    const no = await told()

    expect(await drained()).toEqual({ done: 1, failed: 0, dead: 0 })

    expect(sentTo(name)).toMatchObject([
      {
        templateId: TEMPLATE_ID,
        page: 'pages/orders',
        data: {
          thing1: '月饼礼盒（双黄白莲蓉，送给最亲的家人和朋',
          amount2: '¥199.00',
          time3: '2026年11月23日 20:00',
          character_string4: no,
          thing5: '12A',
          thing6: '欢迎再次光临',
        },
      },
    ])
  })

  test('nobody is told of a topic without a template', async () => {
    await told({}, 'order.closed')

    expect(await outbox()).toEqual([])
  })

  test.each([
    [43101, 'WeChat refuses the message: WeChat /cgi-bin/message/subscribe/send answered 43101'],
    [47003, 'WeChat refuses the message: WeChat /cgi-bin/message/subscribe/send answered 47003'],
  ])('what WeChat refuses for good (%i) is dead at once, and says why', async (errcode, why) => {
    await told()
    backend.wechat.control.fail({ endpoint: SEND, errcode })

    expect(await drained()).toEqual({ done: 0, failed: 0, dead: 1 })

    expect(await outbox()).toMatchObject([
      { state: 'dead', attempts: 1, last_error: expect.stringContaining(why) },
    ])
  })

  test.each([45011, 43108, -1])('what WeChat refuses for now (%i) is sent later', async (errcode) => {
    await told()
    backend.wechat.control.fail({ endpoint: SEND, errcode, times: 1 })

    const first = await drained()
    backend.advance(61_000)
    const second = await drained()

    expect([first, second]).toEqual([
      { done: 0, failed: 1, dead: 0 },
      { done: 1, failed: 0, dead: 0 },
    ])
    expect(sentTo(name)).toHaveLength(1)
  })

  test('what may have arrived is never sent again', async () => {
    await told()
    backend.wechat.control.fail({ endpoint: SEND, connection: 'drop', afterWork: true, times: 1 })

    const first = await drained()
    backend.advance(61_000)
    await drained()

    expect(first).toEqual({ done: 0, failed: 0, dead: 1 })
    expect(sentTo(name)).toHaveLength(1)
    expect((await outbox())[0]?.last_error).toMatch(/^The message may have arrived: Cannot call POST/)
  })

  test('what surely was not sent is sent later, as while nobody answers', async () => {
    await told()
    const [first, second] = [await drained(await closedUrl()), await drained()]

    expect(first).toEqual({ done: 0, failed: 1, dead: 0 })
    expect(second).toEqual({ done: 0, failed: 0, dead: 0 })
    expect((await outbox())[0]).toMatchObject({ state: 'waiting', attempts: 1 })
  })

  test('who has refused such messages gets none, and WeChat is not asked', async () => {
    await told()
    const calls = backend.wechat.control.calls()[SEND]
    const sql = await backend.database.sql()
    const at = new Date(backend.now())
    const choice = { id: uuidv7(backend.now()), user_id: userId, template_id: TEMPLATE_ID, at }
    await keepSubscription({ sql, dialect }, { ...choice, status: 'reject' }, never)

    await drained()

    expect(await outbox()).toMatchObject([
      { state: 'dead', last_error: 'The user has refused such messages' },
    ])
    expect(backend.wechat.control.calls()[SEND]).toBe(calls)
  })

  test.each([
    ['a user who is gone', { user_id: '01a2097f-5630-76e4-b8a4-13853fbf3a46' }, 'The user is gone'],
    ['a value that is not there', { metadata: '{}' }, 'metadata.seat does not fit the field thing5'],
    ['a value of another kind', { metadata: '{"seat":{}}' }, 'metadata.seat does not fit the field thing5'],
  ])('%s is no reason to try again', async (_, change, why) => {
    await told(change)

    expect(await drained()).toEqual({ done: 0, failed: 0, dead: 1 })
    expect(await outbox()).toMatchObject([{ state: 'dead', last_error: why }])
  })
}

describe('WECHAT_SUBSCRIBE_TEMPLATES', () => {
  const { 'order.paid': paid } = TEMPLATES

  test('is what it says', () => {
    expect(parseTemplates(JSON.stringify(TEMPLATES))).toEqual(TEMPLATES)
  })

  test.each([
    ['{', 'is not JSON'],
    ['[]', 'expected an object'],
    [JSON.stringify({ paid }), 'expected a topic, as order.paid'],
    [JSON.stringify({ 'order.paid': { ...paid, templateId: '' } }), 'order.paid.templateId: expected the id'],
    [
      JSON.stringify({ 'order.paid': { ...paid, page: '/pages' } }),
      'order.paid.page: expected a page without',
    ],
    [JSON.stringify({ 'order.paid': { ...paid, pages: 'x' } }), 'order.paid.pages: '],
    [JSON.stringify({ 'order.paid': { ...paid, state: 'x' } }), 'order.paid.state: '],
    [JSON.stringify({ 'order.paid': { ...paid, fields: { what1: 'no' } } }), 'expected a kind of field'],
    [JSON.stringify({ 'order.paid': { ...paid, fields: { thing1: 'a b' } } }), 'expected a name, as'],
  ])('is refused as %s', (text, problem) => {
    expect(() => parseTemplates(text)).toThrow(problem)
  })
})

function orderRow({
  now,
  ...rest
}: Partial<OrderRow> & Pick<OrderRow, 'id' | 'user_id'> & { now: Date }): OrderRow {
  return {
    client_key: null,
    provider: 'wechat-pay',
    state: 'paid',
    reason: null,
    description: '月饼礼盒（双黄白莲蓉，送给最亲的家人和朋友）',
    amount_fen: 19_900,
    metadata: '{"seat":"12A"}',
    prepay_id: null,
    transaction_id: null,
    refunding_fen: 0,
    refunded_fen: 0,
    expires_at: now,
    poll_at: null,
    polls: 0,
    paid_at: now,
    created_at: now,
    updated_at: now,
    ...rest,
  }
}
