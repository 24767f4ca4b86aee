import { platformSetting, type ProvenBy } from '#scripts/emulator/wechat-pay/account.ts'
import { startWechatPay, type WechatPayStandIn } from '#scripts/emulator/wechat-pay/start-wechat-pay.ts'
import { wechatPayProvider } from '#shared/backend/wechat-pay-provider.ts'
import type { Clock } from '#shared/clock.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { parsePlatformKeys, type PlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { createWechatPay } from '#shared/wechat-pay/wechat-pay.ts'

export const APP_ID = 'wx5a1b2c3d4e5f6071'

export interface PaySetting {
  readonly standIn: WechatPayStandIn
  readonly provider: PaymentProvider
  readonly platformKeys: PlatformKeys
}

/** WeChat Pay's stand-in, and the provider that calls it. */
export async function startPay(
  clock: Clock,
  notifyUrl = 'http://127.0.0.1:1/notify',
  provenBy?: ProvenBy,
): Promise<PaySetting> {
  const standIn = await startWechatPay({
    appId: APP_ID,
    clock,
    ...(provenBy === undefined ? {} : { provenBy }),
  })
  const { account, url } = standIn
  const merchant = { mchId: account.mchId, serial: account.serial, privateKey: account.merchantPrivateKey }
  const outbound = createOutbound({ logger: createLogger({ level: 'error' }), clock })
  const platformKeys = parsePlatformKeys(platformSetting(account))
  const call = createWechatPay({ baseUrl: url, outbound, merchant, platformKeys, clock, timeoutMs: 2_000 })
  return {
    standIn,
    platformKeys,
    provider: wechatPayProvider({ appId: APP_ID, merchant, call, notifyUrl, clock }),
  }
}
