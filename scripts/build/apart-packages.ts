import { existsSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import type { Plugin } from 'esbuild'

/** Stands in imports for the folder of the packages, whose name is known only when all imports are. */
export const PACKAGES_FOLDER = '../packages/_of_this_bundle'

/** Bare names. Those with `no…` stay in the bundle: asking about each import of `node:…` costs more than it saves. */
const BARE = /^([^.#/n]|n[^o])/

/** What a source calls a package, such as `jose/errors`, and the file this means. */
export type Packages = ReadonlyMap<string, string>

/**
 * Leaves packages out of a bundle that is built again at every save, and notes them in `found`. CommonJS packages
 * stay in: imported from outside, their names would be known at run time only.
 */
export function apartPackages(found: Map<string, string>): Plugin {
  return {
    name: 'apart-packages',
    setup(build) {
      const known = new Map<string, string | undefined>()
      const lock = join(build.initialOptions.absWorkingDir ?? '', 'node_modules/.package-lock.json')
      let lockedMs: number | undefined
      build.onStart(() => {
        found.clear()
        const changedMs = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
        if (changedMs !== lockedMs) known.clear() // npm has been at work
        lockedMs = changedMs
      })
      build.onResolve({ filter: BARE }, async ({ path, kind, pluginData, ...from }) => {
        const isImport = kind === 'import-statement' || kind === 'dynamic-import'
        if (pluginData === found || !isImport || isAbsolute(path) || isBuiltin(path)) return undefined
        if (!known.has(path)) {
          const { path: file } = await build.resolve(path, { ...from, kind, pluginData: found })
          known.set(path, isModule(file) ? file : undefined)
        }
        const file = known.get(path)
        if (file === undefined) return undefined
        found.set(path, file)
        return { path: `${PACKAGES_FOLDER}/${packageFile(path)}`, external: true }
      })
    },
  }
}

/** The name of a package's own file. */
export function packageFile(specifier: string): string {
  return `${specifier.replaceAll('/', '+')}.mjs`
}

/** @see https://nodejs.org/api/packages.html#determining-module-system */
function isModule(file: string): boolean {
  if (!file.endsWith('.js')) return file.endsWith('.mjs')
  let folder = dirname(file)
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) return false
    folder = dirname(folder)
  }
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'type' in manifest && manifest.type === 'module'
}
