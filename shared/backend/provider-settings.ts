import type { Clock } from '#shared/clock.ts'
import type { Read } from '#shared/config/read-env.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { parsePartnerKeys, type PartnerKey, type PartnerKeys } from '#shared/signing/partner-keys.ts'
import { outwardUrl } from './outward-url.ts'
import { createPartnerApi } from './partner-api.ts'
import { partnerProvider } from './partner-provider.ts'
import { OF_A_MERCHANT, openPayments, type PaymentSettings, paymentSettings } from './payment-settings.ts'

/** Who takes the money: the partner where one is named, else WeChat Pay. */
export type ProviderSettings = PaymentSettings | PartnerPaymentSettings

type PartnerPaymentSettings = ReturnType<typeof partnerPaymentSettings>

const OF_A_PARTNER = ['PAYMENT_PARTNER_URL', 'PAYMENT_PARTNER_NOTIFY_URL']

/** What functions that call whoever takes the money read besides. */
export function providerSettings(read: Read): ProviderSettings {
  return read.optional('PAYMENT_PARTNER', partnerPaymentSettings, OF_A_PARTNER) ?? paymentSettings(read)
}

/** The same where orders may be paid by nobody. */
export function optionalProviderSettings(read: Read): ProviderSettings | undefined {
  return (
    read.optional('PAYMENT_PARTNER', partnerPaymentSettings, OF_A_PARTNER) ??
    read.optional('WECHAT_PAY_MCH_ID', paymentSettings, OF_A_MERCHANT)
  )
}

function partnerPaymentSettings(read: Read) {
  const keys = read.optional('PARTNER_KEYS', () => read.parsed('PARTNER_KEYS', parsePartnerKeys))
  return {
    partnerKey: read.parsed('PAYMENT_PARTNER', (name) => firstKey(keys, name)),
    partnerUrl: outwardUrl(read, 'PAYMENT_PARTNER_URL'),
    partnerNotifyUrl: outwardUrl(read, 'PAYMENT_PARTNER_NOTIFY_URL'),
  }
}

/** The older of two keys: the partner has it for sure. */
function firstKey(keys: PartnerKeys | undefined, name: string): PartnerKey {
  const [key] = keys?.of(name) ?? []
  if (key === undefined) throw new TypeError('must be the name of a partner that PARTNER_KEYS has a key of')
  return key
}

export interface ProviderPorts {
  readonly appId: string
  readonly clock: Clock
  readonly outbound: Outbound
}

/** Who takes the money by these settings. Nothing connects before it is used. */
export function openProvider(settings: ProviderSettings, ports: ProviderPorts): PaymentProvider {
  if (!('partnerKey' in settings)) return openPayments(settings, ports)
  const { partnerKey: key, partnerUrl: baseUrl, partnerNotifyUrl } = settings
  const call = createPartnerApi({ ...ports, baseUrl, key })
  return partnerProvider({ name: key.partner, call, notifyUrl: partnerNotifyUrl.href })
}
