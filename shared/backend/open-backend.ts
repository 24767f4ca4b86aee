import { systemClock } from '#shared/clock.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import { openState } from '#shared/state/open-state.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { createWechat } from '#shared/wechat/wechat.ts'
import type { BackendSettings, WechatSettings } from './backend-settings.ts'

/** The ports of a function by its settings. Nothing connects before it is used. */
export function openBackend(name: string, settings: BackendSettings) {
  const clock = systemClock
  const logger = createLogger({ level: settings.logLevel, fields: { function: name } })
  const database = openDatabase({ url: settings.databaseUrl, poolSize: settings.poolSize, clock })
  const postgres = database.dialect === 'postgres' ? database : undefined
  const state = openState({ redisUrl: settings.redisUrl, postgres })
  return { ...settings, clock, logger, database, state }
}

/** WeChat's client on those ports. */
export function openWechat(
  { appId, state, logger, clock, outbound }: ReturnType<typeof openBackend> & { readonly outbound: Outbound },
  { appSecret, wechatUrl }: WechatSettings,
) {
  return createWechat({ baseUrl: wechatUrl, appId, secret: appSecret, outbound, state, logger, clock })
}
