import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutputFile } from 'esbuild'
import { driverBundles } from '#scripts/build/driver-bundles.ts'
import { functionBundle } from '#scripts/build/function-bundle.ts'
import type { Bundle } from './bundle.ts'
import { type Bundler, createBundler } from './bundler.ts'

const TOOLS = [
  'scripts/build/function-bundle.ts',
  'scripts/build/driver-bundles.ts',
  'node_modules/.package-lock.json',
]

export interface FunctionBundlerOptions {
  readonly root: string
  readonly functionsDir: string
  readonly outDir: string
  readonly built: (bundle: Bundle, tookMs: number) => void
  readonly failed: (name: string, message: string) => void
}

/** Makes a bundler for a function, into a file of its own for each build. */
export function functionBundler(
  name: string,
  { root, functionsDir, outDir, built, failed }: FunctionBundlerOptions,
): Bundler {
  async function write(outputs: readonly OutputFile[], previous: Bundle | undefined): Promise<Bundle> {
    const { version, code } = content(outputs)
    const file = join(outDir, name, `${version}.mjs`)
    await mkdir(join(outDir, name), { recursive: true })
    await Promise.all(
      outputs.map(({ path, contents }) => writeFile(path.endsWith('.map') ? `${file}.map` : file, contents)),
    )
    // What a deployment would carry is measured once: it is for the eye, and minifying takes longer than all else
    // between a save and its answer.
    return { name, version, file, bytes: previous?.bytes ?? (await minified(code)) }
  }

  const build = {
    ...functionBundle({ root, functionsDir, name, outfile: join(outDir, name, 'index.mjs') }),
    minify: false,
    sourcemap: false,
    write: false,
  } as const
  return createBundler({
    name,
    outDir,
    build,
    tools: tools(root),
    write,
    built,
    failed: (message) => failed(name, message),
  })
}

/** Makes the bundler of all drivers, which functions load from `<outDir>/drivers`. */
export function driverBundler({ root, outDir, built, failed }: FunctionBundlerOptions): Bundler {
  async function write(outputs: readonly OutputFile[]): Promise<Bundle> {
    const folder = join(outDir, 'drivers')
    await mkdir(folder, { recursive: true })
    await Promise.all(outputs.map(({ path, contents }) => writeFile(path, contents)))
    const bytes = outputs.reduce((sum, { contents }) => sum + contents.byteLength, 0)
    return { name: 'drivers', version: hashOf(outputs), file: folder, bytes }
  }

  const build = { ...driverBundles(root, join(outDir, 'drivers')), write: false } as const
  return createBundler({
    name: 'drivers',
    outDir,
    build,
    tools: tools(root),
    write,
    built,
    failed: (message) => failed('drivers', message),
  })
}

function tools(root: string): readonly string[] {
  return TOOLS.map((file) => join(root, file))
}

function content(outputs: readonly OutputFile[]): { readonly version: string; readonly code: OutputFile } {
  const code = outputs.find(({ path }) => path.endsWith('.mjs'))
  if (code === undefined) throw new TypeError('esbuild made no code')
  return { version: hashOf([code]), code }
}

function hashOf(outputs: readonly OutputFile[]): string {
  const hash = createHash('sha256')
  for (const { contents } of outputs) hash.update(contents)
  return hash.digest('hex').slice(0, 12)
}

async function minified({ text }: OutputFile): Promise<number> {
  const { transform } = await import('esbuild')
  const { code } = await transform(text, {
    minify: true,
    format: 'esm',
    target: 'es2024',
    legalComments: 'none',
  })
  return Buffer.byteLength(code)
}
