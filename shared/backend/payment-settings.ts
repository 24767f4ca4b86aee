import type { Read } from '#shared/config/read-env.ts'
import type { Clock } from '#shared/clock.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import { secret } from '#shared/secret.ts'
import { parseMerchantKey } from '#shared/wechat-pay/merchant.ts'
import { checkedApiKey } from '#shared/wechat-pay/open-resource.ts'
import { parsePlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { createWechatPay, WECHAT_PAY_URL } from '#shared/wechat-pay/wechat-pay.ts'
import { outwardUrl } from './outward-url.ts'
import { wechatPayProvider } from './wechat-pay-provider.ts'

/** What means nothing without WECHAT_PAY_MCH_ID; which of them a function reads differs. */
export const OF_A_MERCHANT = [
  'SERIAL',
  'PRIVATE_KEY',
  'API_KEY',
  'PLATFORM_KEYS',
  'NOTIFY_URL',
  'BASE_URL',
].map((name) => `WECHAT_PAY_${name}`)

/** What proves a notification to be WeChat Pay's, and opens it. */
export function paymentNoticeSettings(read: Read) {
  return {
    mchId: read.text('WECHAT_PAY_MCH_ID'),
    platformKeys: read.parsed('WECHAT_PAY_PLATFORM_KEYS', parsePlatformKeys),
    payApiKey: read.parsed('WECHAT_PAY_API_KEY', (text) => secret(checkedApiKey(text))),
  }
}

/** What functions that call WeChat Pay read. */
export function paymentSettings(read: Read) {
  return {
    mchId: read.text('WECHAT_PAY_MCH_ID'),
    platformKeys: read.parsed('WECHAT_PAY_PLATFORM_KEYS', parsePlatformKeys),
    paySerial: read.text('WECHAT_PAY_SERIAL'),
    payPrivateKey: read.parsed('WECHAT_PAY_PRIVATE_KEY', parseMerchantKey),
    payNotifyUrl: read.parsed('WECHAT_PAY_NOTIFY_URL', notifyUrl),
    payUrl: outwardUrl(read, 'WECHAT_PAY_BASE_URL', WECHAT_PAY_URL),
  }
}

export type PaymentSettings = ReturnType<typeof paymentSettings>

/** WeChat Pay by these settings. Nothing connects before it is used. */
export function openPayments(
  settings: PaymentSettings,
  { appId, clock, outbound }: { readonly appId: string; readonly clock: Clock; readonly outbound: Outbound },
) {
  const { mchId, paySerial: serial, payPrivateKey: privateKey, platformKeys, payUrl: baseUrl } = settings
  const merchant = { mchId, serial, privateKey }
  const call = createWechatPay({ baseUrl, outbound, merchant, platformKeys, clock })
  return wechatPayProvider({ appId, merchant, call, notifyUrl: settings.payNotifyUrl, clock })
}

function notifyUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new TypeError('must be the http or https URL of /api/v1/callback/wechat-pay, without a query')
  return url.href
}
