import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Dialect } from '#shared/db/database.ts'
import { findOrder, insertOrderOnce, type OrderRow } from '#shared/db/tables/orders.ts'
import { listRefunds } from '#shared/db/tables/refunds.ts'
import { uuidv7 } from '#shared/ids.ts'
import { idOf } from '#shared/payments/order-states.ts'
import { contradictions, readBooks } from '#tests/payments/contradictions.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required } from '#tests/services/servers.ts'

const never = new AbortController().signal
/** More than a page of the export. */
const MANY = 1_001

describe('what is kept about who bought on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'what is kept about who bought on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let shop: Shop
  beforeAll(async () => {
    shop = await startShop({ dialect })
  })
  afterAll(() => shop?.close())

  async function rowOf(no: string): Promise<OrderRow> {
    return required(await findOrder(await shop.backend.database.sql(), idOf(no) ?? '', never))
  }

  /** An order of alice of which a part has gone back. */
  async function refunded() {
    const no = await shop.paid()
    const asking = { body: { amountFen: 30, reason: '尺码不合适' } }
    const { refundNo } = (await shop.call(`/api/v1/orders/${no}/refund`, asking)).body.data
    shop.pay.standIn.decideRefund(refundNo, 'SUCCESS')
    await shop.pay.standIn.notifyRefund(refundNo)
    return { no, refundNo }
  }

  test('the export holds the orders of the caller with their refunds, and nobody else’s', async () => {
    const { accessToken: token } = await shop.signIn('alice')
    const { no, refundNo } = await refunded()
    const bob = await shop.signIn('bob')

    const mine = (await shop.backend.call('/user/export', { token })).body.data.orders
    const his = (await shop.backend.call('/user/export', { token: bob.accessToken })).body.data.orders

    expect(mine).toEqual([await shop.find(no)])
    expect(mine).toMatchObject([
      {
        no,
        amountFen: 100,
        refundedFen: 30,
        metadata: { sku: 1 },
        refunds: [{ refundNo, reason: '尺码不合适', status: 'succeeded' }],
      },
    ])
    expect(his).toEqual([])
  })

  test('the export holds all of them, however many', async () => {
    const carol = await shop.signIn('carol')
    const { id: _, client_key: __, ...like } = await rowOf(await shop.placed())
    const { database, now } = shop.backend
    const sql = await database.sql()
    await sql.transaction().execute(async (own) => {
      for (let made = 0; made < MANY; made++) {
        const row = { ...like, id: uuidv7(now() + made), client_key: null, user_id: carol.user.id }
        await insertOrderOnce({ sql: own, dialect }, row, never)
      }
    })

    const { body } = await shop.backend.call('/user/export', { token: carol.accessToken })

    expect(new Set(body.data.orders.map((order: { no: string }) => order.no)).size).toBe(MANY)
  })

  test('an account that is closed leaves amounts, numbers and states, and nothing that the user wrote', async () => {
    const { accessToken: token } = await shop.signIn('alice')
    const { no } = await refunded()
    const bobs = await shop.signIn('bob')
    const order = {
      token: bobs.accessToken,
      body: { description: '茶', amountFen: 5, metadata: { seat: 'A1' } },
    }
    const other: string = (await shop.call('/api/v1/orders', order)).body.data.no
    const before = await rowOf(no)

    const { status } = await shop.backend.call('/user', { method: 'DELETE', token })

    const sql = await shop.backend.database.sql()
    expect(status).toBe(200)
    expect(await rowOf(no)).toEqual({ ...before, description: '', metadata: '{}' })
    expect(await listRefunds(sql, before.id, never)).toMatchObject([
      { amount_fen: 30, state: 'succeeded', reason: null },
    ])
    expect(await rowOf(other)).toMatchObject({ description: '茶', metadata: '{"seat":"A1"}' })
    expect(contradictions(await readBooks(shop.backend.database))).toEqual([])
  })
}
