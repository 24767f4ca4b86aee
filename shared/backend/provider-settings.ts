import type { Clock } from '#shared/clock.ts'
import type { Read } from '#shared/config/read-env.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import type { PartnerKeys } from '#shared/signing/partner-keys.ts'
import { outwardUrl } from './outward-url.ts'
import { createPartnerApi } from './partner-api.ts'
import { partnerProvider } from './partner-provider.ts'
import { openPayments, type PaymentSettings, paymentSettings } from './payment-settings.ts'

/** Who takes the money: the partner where one is named, else WeChat Pay. */
export type ProviderSettings = PaymentSettings | PartnerPaymentSettings

type PartnerPaymentSettings = ReturnType<typeof partnerPaymentSettings>

const NAME = /^[a-z][a-z0-9-]{0,30}$/

/** What functions that call whoever takes the money read besides. */
export function providerSettings(read: Read): ProviderSettings {
  return read.optional('PAYMENT_PARTNER', partnerPaymentSettings) ?? paymentSettings(read)
}

/** The same where orders may be paid by nobody. */
export function optionalProviderSettings(read: Read): ProviderSettings | undefined {
  return (
    read.optional('PAYMENT_PARTNER', partnerPaymentSettings) ??
    read.optional('WECHAT_PAY_MCH_ID', paymentSettings)
  )
}

function partnerPaymentSettings(read: Read) {
  return {
    partner: read.parsed('PAYMENT_PARTNER', partnerName),
    partnerUrl: outwardUrl(read, 'PAYMENT_PARTNER_URL'),
    partnerNotifyUrl: outwardUrl(read, 'PAYMENT_PARTNER_NOTIFY_URL'),
  }
}

function partnerName(text: string): string {
  if (!NAME.test(text)) throw new TypeError('must be the name of a partner that PARTNER_KEYS has a key of')
  return text
}

export interface ProviderPorts {
  readonly appId: string
  readonly clock: Clock
  readonly outbound: Outbound
  readonly partnerKeys?: PartnerKeys | undefined
}

/** Who takes the money by these settings. Nothing connects before it is used. */
export function openProvider(settings: ProviderSettings, ports: ProviderPorts): PaymentProvider {
  if (!('partner' in settings)) return openPayments(settings, ports)
  const { partner, partnerUrl: baseUrl, partnerNotifyUrl } = settings
  // The older of two keys: the partner has it for sure.
  const [key] = ports.partnerKeys?.of(partner) ?? []
  if (key === undefined)
    throw new TypeError('Cannot read configuration:\n  - PARTNER_KEYS has no key of PAYMENT_PARTNER')
  const call = createPartnerApi({ ...ports, baseUrl, key })
  return partnerProvider({ name: partner, call, notifyUrl: partnerNotifyUrl.href })
}
