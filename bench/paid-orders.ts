import { noticeBody } from '#scripts/emulator/wechat-pay/notify.ts'
import { type PayAccount, platformHeaders, signingKey } from '#scripts/emulator/wechat-pay/account.ts'
import type { Database } from '#shared/db/database.ts'
import type { OrderRow } from '#shared/db/tables/orders.ts'
import { uuidv7 } from '#shared/ids.ts'
import { numberOf } from '#shared/payments/order-states.ts'
import type { Posted } from './replay-worker.ts'

const CHUNK = 500
const AMOUNT_FEN = 19_900

/** Orders that wait for their payer, and for each the notification that it is paid. */
export async function paidOrders(
  database: Database,
  account: PayAccount,
  count: number,
): Promise<readonly Posted[]> {
  const sql = await database.sql()
  const now = new Date()
  const orders = Array.from({ length: count }, () => waitingOrder(now))
  for (let at = 0; at < count; at += CHUNK)
    await sql
      .insertInto('orders')
      .values(orders.slice(at, at + CHUNK))
      .execute()
  return orders.map(({ id }) => notification(account, id, now.getTime()))
}

export async function countPaid(database: Database): Promise<number> {
  const sql = await database.sql()
  const { count } = await sql
    .selectFrom('orders')
    .select((column) => column.fn.countAll<string>().as('count'))
    .where('state', '=', 'paid')
    .executeTakeFirstOrThrow()
  return Number(count)
}

function waitingOrder(now: Date): OrderRow {
  return {
    id: uuidv7(now.getTime()),
    user_id: '01a2097f-5630-76e4-b8a4-13853fbf3a46',
    client_key: null,
    provider: 'wechat-pay',
    state: 'paying',
    reason: null,
    description: '月饼礼盒',
    amount_fen: AMOUNT_FEN,
    metadata: '{"sku":"mooncake"}',
    prepay_id: 'wx201410272009395522657a690389285100',
    transaction_id: null,
    refunding_fen: 0,
    refunded_fen: 0,
    expires_at: new Date(now.getTime() + 7_200_000),
    poll_at: new Date(now.getTime() + 60_000),
    polls: 0,
    paid_at: null,
    created_at: now,
    updated_at: now,
  }
}

function notification(account: PayAccount, orderId: string, nowMs: number): Posted {
  const no = numberOf(orderId)
  const resource = {
    appid: account.appId,
    mchid: account.mchId,
    out_trade_no: no,
    transaction_id: `42000${no.slice(-23)}`,
    trade_type: 'JSAPI',
    trade_state: 'SUCCESS',
    trade_state_desc: '支付成功',
    bank_type: 'OTHERS',
    success_time: new Date(nowMs).toISOString(),
    payer: { openid: 'obyt2nO-IK6rOKbjmMMmbXE-jnux' },
    amount: { total: AMOUNT_FEN, payer_total: AMOUNT_FEN, currency: 'CNY', payer_currency: 'CNY' },
  }
  const body = noticeBody(account, { eventType: 'TRANSACTION.SUCCESS', resource }, nowMs)
  return {
    body,
    headers: { 'content-type': 'application/json', ...platformHeaders(signingKey(account), body, nowMs) },
  }
}
