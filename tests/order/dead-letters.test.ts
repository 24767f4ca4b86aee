import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { deadLetterRoutes } from '#functions/order/dead-letters.ts'
import { createBackend } from '#shared/backend/create-backend.ts'
import { createRequireAdmin, createRequireUser, type RequireUser } from '#shared/backend/current-user.ts'
import type { Dialect } from '#shared/db/database.ts'
import { callApp, type TestAnswer, type TestCall } from '#tests/invocation.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'
import { describeWith } from '#tests/services/describe-with.ts'

interface Message {
  readonly id: string
  readonly payload: { readonly no: string }
}

describe('dead letters on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'dead letters on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let shop: Shop
  let admin: string
  beforeAll(async () => {
    shop = await startShop({ dialect })
  })
  beforeEach(async () => {
    shop.deliveries.length = 0
    await shop.signIn('alice')
    admin = (await shop.signIn('root')).accessToken
  })
  afterAll(() => shop?.close())

  const ask = (path: string, call: TestCall = {}): Promise<TestAnswer> =>
    shop.call(`/api/v1/outbox/dead${path}`, { token: admin, ...call })
  const items = async (query = ''): Promise<readonly Message[]> => (await ask(query)).body.data.items

  /** Orders that were paid while the shop was down, until nobody tried to tell it any more. */
  async function unheard(count: number): Promise<readonly string[]> {
    shop.breakShop()
    const numbers: string[] = []
    for (let made = 0; made < count; made++) numbers.push(await shop.paid())
    // More rounds than attempts: in between the shop is left alone for failing so often.
    for (let round = 0; round < 8 && (await waiting()) > 0; round++) {
      await shop.deliver()
      shop.backend.advance(73_000)
    }
    shop.backend.advance(5_000) // until the shop is called again after so many failures
    shop.recover()
    shop.deliveries.length = 0
    admin = (await shop.signIn('root')).accessToken
    return numbers
  }

  async function waiting(): Promise<number> {
    const sql = await shop.backend.database.sql()
    return (await sql.selectFrom('outbox').select('id').where('state', '=', 'waiting').execute()).length
  }

  test('what was tried three times is listed with its reason, and is sent again one by one', async () => {
    const [no] = await unheard(1)
    const [letter] = await items()

    const answer = await ask(`/${letter?.id}/redrive`, { method: 'POST' })
    await shop.deliver()

    expect(letter).toMatchObject({
      topic: 'order.paid',
      target: 'webhook',
      payload: { no },
      attempts: 3,
      lastError: expect.stringMatching(/HTTP 500$/),
      requestId: expect.any(String),
    })
    expect([answer.status, answer.body.data]).toEqual([200, { redriven: 1 }])
    expect(shop.deliveries).toMatchObject([{ id: letter?.id, data: { no }, isSigned: true }])
    expect(await items()).toEqual([])
    expect((await ask(`/${letter?.id}/redrive`, { method: 'POST' })).status).toBe(404)
  })

  test('a message that is sent again has all its attempts again', async () => {
    await unheard(1)
    shop.breakShop()
    await ask('/redrive', { method: 'POST' })

    await shop.deliver()
    const between = await items()
    for (const waitMs of [13_000, 73_000]) {
      shop.backend.advance(waitMs)
      await shop.deliver()
    }

    expect(between).toEqual([])
    expect(await items()).toMatchObject([{ attempts: 3 }])
    shop.backend.advance(5_000)
    shop.recover()
    await ask('/redrive', { method: 'POST' })
    await shop.deliver()
    expect(await items()).toEqual([])
  })

  test('all of a topic are sent again at once, page by page they can be read', async () => {
    const numbers = await unheard(3)
    const first = (await ask('?limit=2')).body.data
    const second = (await ask(`?limit=2&cursor=${first.nextCursor}`)).body.data

    const none = await ask('/redrive', { body: { topic: 'order.refunded' } })
    const all = await Promise.all(
      Array.from({ length: 4 }, () => ask('/redrive', { body: { topic: 'order.paid', target: 'webhook' } })),
    )
    await shop.deliver()

    const listed = [...first.items, ...second.items].map(({ payload }: Message) => payload.no)
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 1, null])
    expect(listed.toSorted()).toEqual(numbers.toSorted())
    expect(none.body.data).toEqual({ redriven: 0, isMore: false })
    expect(all.reduce((sum, { body }) => sum + body.data.redriven, 0)).toBe(3)
    const told: string[] = shop.deliveries.map(({ data }) => data.no)
    expect(told.toSorted()).toEqual(numbers.toSorted())
  })

  test.each(['', '/redrive', '/01a2097f-5630-76e4-b8a4-13853fbf3a46/redrive'])(
    'the session of who calls /outbox/dead%s is looked up once',
    async (path) => {
      const { parts } = shop.backend
      const { app, sessions } = createBackend(parts)
      const admitted = createRequireAdmin(createRequireUser(sessions, parts.database))
      let times = 0
      const requireAdmin: RequireUser = (request, signal) => {
        times += 1
        return admitted(request, signal)
      }
      const own = app('order', deadLetterRoutes({ ...parts, requireAdmin, deliver: async () => {} }))
      const method = path === '' ? 'GET' : 'POST'
      const invocation = { deadline: shop.backend.now() + 10_000 }

      const { status } = await callApp(own, `/api/v1/outbox/dead${path}`, {
        method,
        token: admin,
        invocation,
      })

      expect([status, times]).toEqual([path.startsWith('/01') ? 404 : 200, 1])
    },
  )

  test('only an admin looks at them, and who sent what again is kept', async () => {
    await unheard(1)
    const alice = (await shop.signIn('alice')).accessToken

    const answers = [
      await ask('', { token: alice }),
      await ask('/redrive', { method: 'POST', token: alice }),
      await ask('/01a2097f-5630-76e4-b8a4-13853fbf3a46/redrive', { method: 'POST', token: alice }),
      await ask('?limit=0'),
      await ask('?cursor=x'),
      await ask('/x/redrive', { method: 'POST' }),
    ]
    await ask('/redrive', { method: 'POST' })

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 400, 400, 404])
    const sql = await shop.backend.database.sql()
    const rows = await sql.selectFrom('audit').selectAll().where('action', '=', 'outbox.redriven').execute()
    expect(rows.map(({ details }) => JSON.parse(details))).toContainEqual(
      expect.objectContaining({ count: 1 }),
    )
  })
}
