import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Addresses } from './addresses.ts'
import type { BannerFacts } from './banner.ts'
import { passedToFunctions } from './environment.ts'
import { database, type Service, type ServiceOptions, stateStore } from './local-services.ts'
import { partner, type PartnerService } from './partner-service.ts'
import { type PayService, wechatPay } from './pay-service.ts'
import { shop, type ShopService } from './shop-service.ts'
import type { Stops } from './stops.ts'
import { objectStore, type StorageService } from './storage-service.ts'
import { traceCollector, type TraceService } from './trace-service.ts'
import { LOCAL_APP_ID, wechat, type WechatService } from './wechat-service.ts'

/** All that the functions need besides themselves. */
export interface Backing {
  readonly database: Service
  readonly state: Service
  readonly wechat: WechatService
  readonly storage: StorageService
  readonly pay: PayService
  readonly partner: PartnerService
  readonly shop: ShopService
  readonly traces: TraceService
}

export interface BackingOptions extends Omit<ServiceOptions, 'log'> {
  /** Made for this folder; the environment's own ones count before them. */
  readonly secrets: Readonly<Record<string, string>>
}

/** Waits for all of them even when one fails, so that what has started is known and can be stopped. */
export async function startBacking(
  { secrets, ...options }: BackingOptions,
  keep: Stops['keep'],
): Promise<Backing> {
  const { env, folder } = options
  const service = { ...options, log: serverLog(folder) }
  const starting = [
    keep(database(service)),
    keep(stateStore(service)),
    keep(wechat(env)),
    keep(objectStore(service)),
    keep(wechatPay(env, env['WECHAT_APP_ID'] ?? LOCAL_APP_ID)),
    keep(partner({ ...secrets, ...env })),
    keep(shop(env)),
    keep(traceCollector(env)),
  ] as const
  await Promise.allSettled(starting)
  const [sql, state, stand, storage, pay, payee, told, traces] = await Promise.all(starting)
  return { database: sql, state, wechat: stand, storage, pay, partner: payee, shop: told, traces }
}

/** What servers say belongs into a file: a person looks there when one of them fails. */
function serverLog(folder: string): (line: string) => void {
  const file = join(folder, 'servers.log')
  writeFileSync(file, '')
  return (line) => appendFileSync(file, `${line}\n`)
}

/** What the functions are given. */
export function settingsFor(
  env: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
  { database, state, wechat, storage, pay, partner, shop, traces }: Backing,
): Readonly<Record<string, string>> {
  return {
    ...secrets,
    LOG_LEVEL: 'info',
    // Whoever signs wrong here is the developer.
    SIGNING_EXPLAIN: 'on',
    ...passedToFunctions(env),
    ...(database.url === undefined ? {} : { DATABASE_URL: database.url }),
    ...(state.url === undefined ? {} : { REDIS_URL: state.url }),
    ...wechat.settings,
    ...storage.settings,
    ...pay.settings,
    ...partner.settings,
    ...shop.settings,
    ...traces.settings,
  }
}

/** Has everybody who calls back call the functions behind `api`, which have these settings. */
export function callBackAt(
  api: string,
  settings: Readonly<Record<string, string>>,
  { wechat, pay, partner }: Backing,
): void {
  wechat.pushTo(api, settings)
  pay.notifyAt(api)
  partner.notifyAt(api)
}

/** Where the parts listen. */
export function addressesFor(
  api: string,
  { database, state, wechat, storage, pay, partner, shop, traces }: Backing,
): Addresses {
  const urls = {
    databaseUrl: database.url,
    redisUrl: state.url,
    wechatUrl: wechat.url,
    storageUrl: storage.url,
    payUrl: pay.url,
    partnerUrl: partner.url,
    shopUrl: shop.url,
    tracesUrl: traces.url,
  }
  return { api, ...Object.fromEntries(Object.entries(urls).filter(([, url]) => url !== undefined)) }
}

/** What a person is told of them. */
export function backingFacts({
  database,
  state,
  wechat,
  storage,
  pay,
  partner,
  shop,
  traces,
}: Backing): BannerFacts['backing'] {
  return {
    Database: database.about,
    State: state.about,
    WeChat: wechat.about,
    'WeChat Pay': pay.about,
    Partner: partner.about,
    Files: storage.about,
    Shop: shop.about,
    Traces: traces.about,
  }
}
