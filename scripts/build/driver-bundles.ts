import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { BuildOptions } from 'esbuild'
import { REQUIRE_BANNER } from './function-bundle.ts'
import { withoutDdl } from './without-ddl.ts'

/** The files `shared/<port>/drivers/<name>.ts`, each once. @throws TypeError when two have the same name. */
export function driverFiles(root: string): readonly string[] {
  const files = globSync('shared/*/drivers/*.ts', { cwd: root }).sort()
  const names = files.map((file) => basename(file, '.ts'))
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new TypeError(`Cannot build: two drivers are called ${twice}`)
  return files.map((file) => join(root, file))
}

/** How esbuild makes every driver into a file of its own in `outdir`. */
export function driverBundles(root: string, outdir: string) {
  return {
    entryPoints: [...driverFiles(root)],
    absWorkingDir: root,
    outdir,
    outExtension: { '.js': '.mjs' },
    entryNames: '[name]',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    minify: true,
    sourcemap: false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    banner: { js: REQUIRE_BANNER },
    plugins: [withoutDdl()],
    // Optional native parts of pg and mysql2, which neither uses unless asked.
    external: ['pg-native', 'cloudflare:sockets', 'pg-cloudflare'],
  } as const satisfies BuildOptions
}
