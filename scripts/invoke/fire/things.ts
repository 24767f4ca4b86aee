import { PARTNER, WECHAT_PAY } from './desks.ts'
import { fails, PARTNER_API, recovers, SHOP } from './failing.ts'
import { payLost, paySuccess, refundDecided } from './pay.ts'
import { push } from './push.ts'
import type { Thing } from './thing.ts'

/** What `npm run invoke -- fire <thing>` fires, by name. Add yours here. */
export const THINGS: Readonly<Record<string, Thing>> = {
  'pay-success': paySuccess(WECHAT_PAY),
  'pay-lost': payLost(WECHAT_PAY),
  'refund-success': refundDecided(WECHAT_PAY, 'success', 'money is paid back, and WeChat Pay notifies'),
  'refund-closed': refundDecided(WECHAT_PAY, 'closed', 'WeChat Pay pays nothing back, and notifies'),
  'refund-abnormal': refundDecided(
    WECHAT_PAY,
    'abnormal',
    "the payer's account takes no money, and WeChat Pay notifies",
  ),
  'partner-success': paySuccess(PARTNER),
  'partner-lost': payLost(PARTNER),
  'partner-refund-success': refundDecided(PARTNER, 'success', 'money is paid back, and the partner notifies'),
  'partner-refund-closed': refundDecided(PARTNER, 'closed', 'the partner pays nothing back, and notifies'),
  'partner-refund-abnormal': refundDecided(
    PARTNER,
    'abnormal',
    "the payer's account takes no money, and the partner notifies",
  ),
  'partner-fails': fails(PARTNER_API),
  'partner-recovers': recovers(PARTNER_API),
  'shop-fails': fails(SHOP),
  'shop-recovers': recovers(SHOP),
  push,
}
