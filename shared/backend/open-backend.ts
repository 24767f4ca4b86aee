import { systemClock } from '#shared/clock.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import { openState } from '#shared/state/open-state.ts'
import { tracedState } from '#shared/state/traced-state.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import type { Tracer } from '#shared/telemetry/tracer.ts'
import { createWechat } from '#shared/wechat/wechat.ts'
import { openTracer } from './trace-settings.ts'
import type { BackendSettings, WechatSettings } from './backend-settings.ts'

/** The ports of a function by its settings. Nothing connects before it is used. */
export function openBackend(name: string, settings: BackendSettings) {
  const clock = systemClock
  const logger = createLogger({ level: settings.logLevel, fields: { function: name } })
  const tracer = openTracer(name, settings.traces, { logger, clock })
  const { databaseUrl: url, poolSize, redisUrl } = settings
  const database = openDatabase({ url, poolSize, clock, tracer })
  const postgres = database.dialect === 'postgres' ? database : undefined
  const store = openState({ redisUrl, postgres })
  const state =
    tracer === undefined ? store : tracedState(store, tracer, redisUrl === undefined ? 'postgresql' : 'redis')
  return { ...settings, clock, logger, tracer, database, state }
}

/** What of a function's ports others are called with. */
export type CallingPorts = Pick<
  ReturnType<typeof openBackend>,
  'appId' | 'database' | 'state' | 'clock' | 'logger'
> & { readonly tracer?: Tracer | undefined; readonly outbound: Outbound }

/** WeChat's client on those ports. */
export function openWechat(
  { appId, state, logger, clock, outbound }: CallingPorts,
  { appSecret, wechatUrl }: WechatSettings,
) {
  return createWechat({ baseUrl: wechatUrl, appId, secret: appSecret, outbound, state, logger, clock })
}
