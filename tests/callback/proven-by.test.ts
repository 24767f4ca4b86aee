import { afterEach, expect, test } from '@jest/globals'
import type { ProvenBy } from '#scripts/emulator/wechat-pay/account.ts'
import { platformSetting } from '#scripts/emulator/wechat-pay/account.ts'
import { parsePlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'

let shop: Shop
afterEach(() => shop?.close())

test.each([
  ['public-key', 'public-key'],
  ['certificate', 'certificate'],
  ['both', 'public-key'],
  ['both', 'certificate'],
] as const)(
  'a merchant with %s is told by %s, and its own calls are answered by what it knows',
  async (has, by) => {
    shop = await startShop({ provenBy: has satisfies ProvenBy })
    const no = await shop.placed() // a call whose answer was proven
    shop.pay.standIn.pay(no)

    const [unknown] = await shop.pay.standIn.notifyPayment(no, { provenBy: by, flaw: 'wrong-serial' })
    const before = (await shop.find(no)).status
    const [reply] = await shop.pay.standIn.notifyPayment(no, { provenBy: by })

    expect([unknown?.status, before]).toEqual([403, 'paying'])
    expect([reply?.status, (await shop.find(no)).status]).toEqual([204, 'paid'])
  },
)

test('a kind of key that the functions were not told of is refused, and no other key is tried', async () => {
  shop = await startShop({
    provenBy: 'both',
    knows: (account) => parsePlatformKeys(platformSetting({ ...account, certificate: undefined })),
  })
  const no = await shop.placed()
  shop.pay.standIn.pay(no)

  const [byCertificate] = await shop.pay.standIn.notifyPayment(no, { provenBy: 'certificate' })
  const before = (await shop.find(no)).status
  const [byPublicKey] = await shop.pay.standIn.notifyPayment(no, { provenBy: 'public-key' })

  expect([byCertificate?.status, before]).toEqual([403, 'paying'])
  expect([byPublicKey?.status, (await shop.find(no)).status]).toEqual([204, 'paid'])
  expect(shop.backend.log.some((line) => line.includes('"reason":"unknown_serial"'))).toBe(true)
})
