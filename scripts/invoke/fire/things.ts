import { payLost, paySuccess, refundDecided } from './pay.ts'
import { push } from './push.ts'
import { shopFails } from './shop.ts'
import type { Thing } from './thing.ts'

/** What `npm run invoke -- fire <thing>` fires, by name. Add yours here. */
export const THINGS: Readonly<Record<string, Thing>> = {
  'pay-success': paySuccess,
  'pay-lost': payLost,
  'refund-success': refundDecided('SUCCESS', 'money is paid back, and WeChat Pay notifies'),
  'refund-closed': refundDecided('CLOSED', 'WeChat Pay pays nothing back, and notifies'),
  'refund-abnormal': refundDecided('ABNORMAL', "the payer's account takes no money, and WeChat Pay notifies"),
  'shop-fails': shopFails,
  push,
}
