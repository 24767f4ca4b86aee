import { join } from 'node:path'
import type { BuildOptions } from 'esbuild'
import { apartDrivers } from './apart-drivers.ts'
import { lateBuiltins } from './late-builtins.ts'

/** Packages written as CommonJS call `require` for Node's own modules, which an ES module does not have. */
export const REQUIRE_BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

export interface BundleOptions {
  /** The project, from which `#shared/…` is resolved. */
  readonly root: string
  /** The folder whose sub-folders are the functions. */
  readonly functionsDir: string
  readonly name: string
  readonly outfile: string
}

/** How esbuild makes one function, runtime included, into one file for Bun and Node alike. */
export function functionBundle({ root, functionsDir, name, outfile }: BundleOptions) {
  const app = join(functionsDir, name, 'index.ts')
  return {
    stdin: {
      // In this order: what the app throws while it loads must find its reporter in place.
      contents: `import '#shared/runtime/boot.ts'
import app from ${JSON.stringify(app)}
import { serve } from '#shared/runtime/serve.ts'
void serve(app, process.env)`,
      resolveDir: root,
      sourcefile: `${name}.entry.ts`,
    },
    absWorkingDir: root,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    minify: true,
    // Names of functions and classes are part of what errors say.
    keepNames: false,
    sourcemap: 'external',
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    plugins: [apartDrivers(), lateBuiltins()],
  } as const satisfies BuildOptions
}
