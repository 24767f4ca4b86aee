import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '#scripts/emulator/cloud.ts'
import { fcCloud } from '#scripts/emulator/clouds/fc.ts'
import { scfCloud } from '#scripts/emulator/clouds/scf.ts'
import { createFunctionBundlers, type FunctionBundlers } from '#scripts/emulator/function-bundlers.ts'
import { createFunctionService, type FunctionService } from '#scripts/emulator/function-service.ts'
import { startGateway } from '#scripts/emulator/gateway.ts'
import { startTimers } from '#scripts/emulator/timers.ts'
import { errorText } from '#scripts/error-text.ts'
import { FUNCTIONS, type FunctionSpec } from '#scripts/functions.ts'
import { noteAddresses } from './addresses.ts'
import { addressesFor, backingFacts, callBackAt, settingsFor, startBacking } from './backing.ts'
import type { BannerFacts } from './banner.ts'
import { controlPlanes } from './control-planes.ts'
import { readEnvironment } from './environment.ts'
import type { DevOptions } from './options.ts'
import { runtimeExecutable } from './runtime-executable.ts'
import { localSecrets } from './secrets.ts'
import { createStops, type Stops } from './stops.ts'
import { watchSources } from './watch-sources.ts'

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
  const secrets = localSecrets(join(folder, 'secrets.env'))
  const backing = await startBacking({ root, folder, env, secrets, note: options.note }, keep)
  const settings = settingsFor(env, secrets, backing)
  const services = FUNCTIONS.map((spec) => functionService(spec, bundlers, settings, options))
  const gateway = await keep(startGateway({ services, port: options.port, has }))
  callBackAt(gateway.url, settings, backing)
  const addresses = { ...addressesFor(gateway.url, backing), settings }
  const notes = noteAddresses(folder, addresses)
  await keep(Promise.resolve({ stop: async () => notes.forget() }))
  const functions = await building
  isReady = true
  const rebuild = () => {
    const present = services.filter(({ spec }) => has(spec))
    void Promise.allSettled(present.map((service) => service.current()))
  }
  void keep(Promise.resolve(watchSources(root, rebuild)))
  void keep(Promise.resolve(startTimers(services, has)))
  // A start does not wait for what only a deploy needs.
  keep(controlPlanes({ folder, bundlers, has, runtime: runtimeExecutable(runtime, root) })).then(
    (planes) => noteAddresses(folder, { ...addresses, controlPlanes: planes.addresses }),
    (error: unknown) => options.note(`no control planes: ${errorText(error)}`),
  )
  return {
    url: gateway.url,
    as,
    runtime,
    backing: backingFacts(backing),
    hasStandIn: !backing.wechat.isReal,
    functions,
  }
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
