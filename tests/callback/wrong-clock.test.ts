import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { createOrderApp } from '#functions/order/order-app.ts'
import { wechatPayProvider } from '#shared/backend/wechat-pay-provider.ts'
import type { Clock } from '#shared/clock.ts'
import { createWechatPay } from '#shared/wechat-pay/wechat-pay.ts'
import { callApp } from '#tests/invocation.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'
import { APP_ID } from '#tests/wechat-pay/stand-in.ts'

const TEN_MINUTES_MS = 600_000
/** What the test backend's clock says. */
const START_MS = Date.UTC(2026, 10, 23, 12)

let shop: Shop
let aheadMs = 0
beforeAll(async () => {
  shop = await startShop({ callback: { clock: () => START_MS + aheadMs } })
})
beforeEach(() => {
  aheadMs = 0
})
afterAll(() => shop?.close())

/** The lines of the log that hold all of these. */
const logged = (...parts: readonly string[]) =>
  shop.backend.log.filter((line) => parts.every((part) => line.includes(part)))

test.each([
  ['ahead', 1],
  ['behind', -1],
])(
  'a clock ten minutes %s: notifications fail, the log says what to do, and told again they succeed',
  async (_, sign) => {
    const no = await shop.placed()
    shop.pay.standIn.pay(no)
    aheadMs = sign * TEN_MINUTES_MS

    const [reply] = await shop.pay.standIn.notifyPayment(no)
    const before = (await shop.find(no)).status
    aheadMs = 0
    const [again] = await shop.pay.standIn.notifyPayment(no)

    expect([reply?.status, before]).toEqual([403, 'paying'])
    expect(JSON.parse(reply?.text ?? '')).toMatchObject({ code: 'FAIL' })
    expect(logged('"level":"error"', 'callback.clock_wrong', `"skewS":${sign * 600}`, 'NTP')).toHaveLength(1)
    expect([again?.status, (await shop.find(no)).status]).toEqual([204, 'paid'])
  },
)

test('who cannot sign as WeChat Pay cannot make the clock look wrong', async () => {
  const no = await shop.placed()
  shop.pay.standIn.pay(no)
  const before = logged('callback.clock_wrong').length
  aheadMs = TEN_MINUTES_MS

  await shop.pay.standIn.notifyPayment(no, { flaw: 'wrong-signature' })

  expect(logged('callback.clock_wrong')).toHaveLength(before)
})

test.each([
  ['ahead of', 'when it calls', 600, () => TEN_MINUTES_MS],
  ['behind', 'when it calls', 600, () => -TEN_MINUTES_MS],
  // Signs at the right time and is set wrong before the answer comes: that is a good one of long ago.
  ['ahead of', 'when it is answered', 600, (reads: number) => (reads === 1 ? 0 : TEN_MINUTES_MS)],
])(
  'a clock %s that of WeChat Pay %s: no order, and the log says what to do',
  async (where, _, seconds, shiftMs) => {
    let reads = 0
    const order = orderAppWith(() => shop.backend.now() + shiftMs(++reads))
    const { accessToken: token } = await shop.signIn('alice')
    const call = {
      token,
      body: { description: '月饼', amountFen: 100 },
      invocation: { deadline: shop.backend.now() + 10_000 },
    }
    const before = shop.backend.log.length

    const answer = await callApp(order, '/api/v1/orders', call)

    const told = shop.backend.log.slice(before).filter((line) => line.includes('set it right (NTP)'))
    expect([answer.status, answer.body.error]).toEqual([502, 'upstream_failed'])
    expect(told.length).toBeGreaterThan(0)
    expect(
      told.every((line) => line.includes(`the clock of this machine is ${seconds} s ${where} WeChat Pay's`)),
    ).toBe(true)
  },
)

/** The order function, whose calls of WeChat Pay go by another clock. */
function orderAppWith(clock: Clock) {
  const { account, url: baseUrl } = shop.pay.standIn
  const { mchId, serial, merchantPrivateKey: privateKey } = account
  const merchant = { mchId, serial, privateKey }
  const { outbound } = shop.backend
  const { platformKeys } = shop.pay
  const call = createWechatPay({ baseUrl, outbound, merchant, platformKeys, clock })
  const provider = wechatPayProvider({
    appId: APP_ID,
    merchant,
    call,
    notifyUrl: 'http://127.0.0.1/api/v1/callback/wechat-pay',
    clock: shop.backend.now,
  })
  const quiet = { tell: async () => {}, deliver: async () => {} }
  return createOrderApp({ ...shop.backend.parts, ...quiet, provider, refundsBy: 'owner' })
}
