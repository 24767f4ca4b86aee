import { basename } from 'node:path'
import type { Plugin } from 'esbuild'

/** `import('./drivers/pg.ts')`: a driver that a request may not need, and two functions may share. */
const DRIVER = /\/drivers\/[\w-]+\.ts$/

/** Leaves drivers out of a function's bundle: it loads them from `../drivers/<name>.mjs` when it needs one. */
export function apartDrivers(): Plugin {
  return {
    name: 'apart-drivers',
    setup(build) {
      build.onResolve({ filter: DRIVER }, ({ path, kind }) =>
        kind === 'dynamic-import'
          ? { path: `../drivers/${basename(path, '.ts')}.mjs`, external: true }
          : undefined,
      )
    },
  }
}
