import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '#scripts/emulator/cloud.ts'
import { fcCloud } from '#scripts/emulator/clouds/fc.ts'
import { scfCloud } from '#scripts/emulator/clouds/scf.ts'
import { createFunctionBundlers, type FunctionBundlers } from '#scripts/emulator/function-bundlers.ts'
import { createFunctionService, type FunctionService } from '#scripts/emulator/function-service.ts'
import { startGateway } from '#scripts/emulator/gateway.ts'
import { startTimers } from '#scripts/emulator/timers.ts'
import { FUNCTIONS, type FunctionSpec } from '#scripts/functions.ts'
import { noteAddresses } from './addresses.ts'
import type { BannerFacts } from './banner.ts'
import { passedToFunctions, readEnvironment } from './environment.ts'
import { database, type Service, type ServiceOptions, stateStore } from './local-services.ts'
import type { DevOptions } from './options.ts'
import { type PayService, wechatPay } from './pay-service.ts'
import { runtimeExecutable } from './runtime-executable.ts'
import { localSecrets } from './secrets.ts'
import { objectStore, type StorageService } from './storage-service.ts'
import { createStops, type Stops } from './stops.ts'
import { shop, type ShopService } from './shop-service.ts'
import { traceCollector, type TraceService } from './trace-service.ts'
import { watchSources } from './watch-sources.ts'
import { LOCAL_APP_ID, wechat, type WechatService } from './wechat-service.ts'

const CLOUDS: Readonly<Record<DevOptions['as'], Cloud>> = { fc: fcCloud, scf: scfCloud }

export interface LocalCloudOptions extends DevOptions {
  readonly root: string
  /** Where data, secrets and builds are kept. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Takes a line that a function wrote. */
  readonly line: (name: string, line: string) => void
  /** Takes something that happened, for the person at the terminal. */
  readonly note: (text: string) => void
}

export interface LocalCloud {
  readonly facts: Omit<BannerFacts, 'tookMs'>
  stop(): Promise<void>
}

interface Backing {
  readonly database: Service
  readonly state: Service
  readonly wechat: WechatService
  readonly storage: StorageService
  readonly pay: PayService
  readonly shop: ShopService
  readonly traces: TraceService
}

/** Starts everything the backend needs on this machine. When a part fails, those that started are stopped again. */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const stops = createStops()
  try {
    return { facts: await assemble(options, stops), stop: stops.all }
  } catch (error) {
    await stops.all()
    throw error
  }
}

async function assemble(options: LocalCloudOptions, { keep }: Stops): Promise<LocalCloud['facts']> {
  const { root, folder, as, runtime } = options
  const env = readEnvironment(options.env, join(root, '.env'))
  let isReady = false
  const has = ({ name }: FunctionSpec) => existsSync(join(root, 'functions', name, 'index.ts'))
  const bundlers = createFunctionBundlers(
    FUNCTIONS.map(({ name }) => name),
    bundling(options, () => isReady),
  )
  void keep(Promise.resolve(bundlers))
  // Builds wait for no server and servers for no build. A broken build is no reason not to start: saving mends it.
  const building = Promise.all(FUNCTIONS.filter(has).map((spec) => built(spec, bundlers)))
  const service = { root, folder, env, log: serverLog(folder), note: options.note }
  const backing = await startBacking(service, keep)
  const settings = settingsFor(env, localSecrets(join(folder, 'secrets.env')), backing)
  const services = FUNCTIONS.map((spec) => functionService(spec, bundlers, settings, options))
  const gateway = await keep(startGateway({ services, port: options.port, has }))
  backing.wechat.pushTo(gateway.url, settings)
  backing.pay.notifyAt(gateway.url)
  const notes = noteAddresses(folder, {
    api: gateway.url,
    ...defined('databaseUrl', backing.database.url),
    ...defined('redisUrl', backing.state.url),
    ...defined('storageUrl', backing.storage.url),
    ...defined('payUrl', backing.pay.url),
    ...defined('shopUrl', backing.shop.url),
    ...defined('tracesUrl', backing.traces.url),
    ...defined('wechatUrl', backing.wechat.isReal ? undefined : backing.wechat.url),
  })
  await keep(Promise.resolve({ stop: async () => notes.forget() }))
  const functions = await building
  isReady = true
  const rebuild = () => {
    const present = services.filter(({ spec }) => has(spec))
    void Promise.allSettled(present.map((service) => service.current()))
  }
  void keep(Promise.resolve(watchSources(root, rebuild)))
  void keep(Promise.resolve(startTimers(services, has)))
  return {
    url: gateway.url,
    as,
    runtime,
    database: backing.database.about,
    stateStore: backing.state.about,
    wechat: backing.wechat.about,
    storage: backing.storage.about,
    shop: backing.shop.about,
    traces: backing.traces.about,
    hasStandIn: !backing.wechat.isReal,
    functions,
  }
}

function defined(name: string, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: value }
}

/** The first builds are told by the banner. */
function bundling({ root, folder, note }: LocalCloudOptions, isReady: () => boolean) {
  return {
    root,
    functionsDir: join(root, 'functions'),
    outDir: join(folder, 'build'),
    built({ name }: { readonly name: string }, tookMs: number) {
      if (isReady()) note(`${name} built in ${Math.round(tookMs)} ms`)
    },
    failed: (name: string, message: string) => note(`${name} does not build\n\n${message}`),
  }
}

async function built(
  { name }: FunctionSpec,
  bundlers: FunctionBundlers,
): Promise<BannerFacts['functions'][number]> {
  try {
    return await bundlers.of(name).current()
  } catch {
    return { name, broken: true } // its message has been shown
  }
}

/** Waits for all of them even when one fails, so that what has started is known and can be stopped. */
async function startBacking(options: ServiceOptions, keep: Stops['keep']): Promise<Backing> {
  const starting = [
    keep(database(options)),
    keep(stateStore(options)),
    keep(wechat(options.env)),
    keep(objectStore(options)),
    keep(wechatPay(options.env, options.env['WECHAT_APP_ID'] ?? LOCAL_APP_ID)),
    keep(shop(options.env)),
    keep(traceCollector(options.env)),
  ] as const
  await Promise.allSettled(starting)
  const [sql, state, stand, storage, pay, told, traces] = await Promise.all(starting)
  return { database: sql, state, wechat: stand, storage, pay, shop: told, traces }
}

/** What servers say belongs into a file: a person looks there when one of them fails. */
function serverLog(folder: string): (line: string) => void {
  const file = join(folder, 'servers.log')
  writeFileSync(file, '')
  return (line) => appendFileSync(file, `${line}\n`)
}

function settingsFor(
  env: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
  { database, state, wechat, storage, pay, shop, traces }: Backing,
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
    ...shop.settings,
    ...traces.settings,
  }
}

function functionService(
  spec: FunctionSpec,
  bundlers: FunctionBundlers,
  env: Readonly<Record<string, string>>,
  { root, as, runtime, startMs, line, ...options }: LocalCloudOptions,
): FunctionService {
  const cloud = CLOUDS[as]
  return createFunctionService({
    ...options,
    spec,
    cloud,
    env,
    runtime: runtimeExecutable(runtime, root),
    bundler: bundlers.of(spec.name),
    startMs: startMs ?? cloud.limits.startMs,
    clock: Date.now,
    line: (text) => line(spec.name, text),
  })
}
