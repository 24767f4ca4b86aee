import { existsSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import type { Plugin } from 'esbuild'

/** Stands in imports for the folder of the packages, whose name is known only when all imports are. */
export const PACKAGES_FOLDER = '../packages/_of_this_bundle'

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
      build.onStart(() => found.clear())
      build.onResolve({ filter: /^[^.#]/ }, async ({ path, kind, pluginData, ...from }) => {
        const isImport = kind === 'import-statement' || kind === 'dynamic-import'
        if (pluginData === found || !isImport || isAbsolute(path) || isBuiltin(path)) return undefined
        const file = found.get(path) ?? (await build.resolve(path, { ...from, kind, pluginData: found })).path
        if (!isModule(file)) return undefined
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
