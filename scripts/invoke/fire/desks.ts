import type { Addresses } from '#scripts/dev/addresses.ts'
import { NOTICE_FLAWS } from '#scripts/emulator/partner/partner-notice.ts'
import { FLAWS } from '#scripts/emulator/wechat-pay/notify.ts'

/** What a refund may come to. */
export type Outcome = 'success' | 'closed' | 'abnormal'

/** Where payers pay. */
export interface Desk {
  readonly name: string
  /** What may be wrong with a notice. */
  readonly flaws: readonly string[]
  /** What the outcomes of a refund are called there. */
  readonly decisions: Readonly<Record<Outcome, string>>
  /** Where its stand-in is. @throws TypeError where there is none */
  readonly standInOf: (cloud: Addresses) => string
}

export const WECHAT_PAY: Desk = {
  name: 'WeChat Pay',
  flaws: FLAWS,
  decisions: { success: 'SUCCESS', closed: 'CLOSED', abnormal: 'ABNORMAL' },
  standInOf({ payUrl }) {
    if (payUrl !== undefined) return payUrl
    throw new TypeError('The local cloud uses the real WeChat Pay: only the stand-in pays when it is told to')
  },
}

export const PARTNER: Desk = {
  name: 'the partner',
  flaws: NOTICE_FLAWS,
  decisions: { success: 'succeeded', closed: 'closed', abnormal: 'abnormal' },
  standInOf({ partnerUrl }) {
    if (partnerUrl !== undefined) return partnerUrl
    throw new TypeError('The local cloud has no partner of its own: see its first lines for the reason')
  },
}
