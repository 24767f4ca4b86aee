import type { Bundle } from './bundle.ts'
import type { Bundler } from './bundler.ts'
import { driverBundler, functionBundler, type FunctionBundlerOptions } from './function-bundler.ts'
import { createPackageBundles } from './package-bundles.ts'

/** The bundles of several functions over one set of drivers. */
export interface FunctionBundlers {
  /** Whose `current` is a bundle of the function's and the drivers' sources as they are now. */
  of(name: string): Pick<Bundler, 'current'>
  stop(): Promise<void>
}

export function createFunctionBundlers(
  names: readonly string[],
  options: FunctionBundlerOptions,
): FunctionBundlers {
  const drivers = driverBundler(options)
  const packages = createPackageBundles(options)
  const functions = new Map(names.map((name) => [name, functionBundler(name, { ...options, packages })]))

  async function current(name: string, changing?: () => void): Promise<Bundle> {
    const bundler = functions.get(name)
    if (bundler === undefined) throw new TypeError(`There is no function ${name}`)
    const [own, shared] = await Promise.all([bundler.current(changing), drivers.current(changing)])
    // Two builds of the same function over other drivers are two versions to the instances that load them.
    return { ...own, version: `${own.version}-${shared.version}` }
  }

  return {
    of: (name) => ({ current: (changing) => current(name, changing) }),
    stop: async () => void (await Promise.all([drivers, ...functions.values()].map((it) => it.dispose()))),
  }
}
