import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { OutputFile } from 'esbuild'
import { apartPackages, packageFile, PACKAGES_FOLDER } from '#scripts/build/apart-packages.ts'
import { driverBundles } from '#scripts/build/driver-bundles.ts'
import { functionBundle } from '#scripts/build/function-bundle.ts'
import type { Bundle } from './bundle.ts'
import { type Bundler, createBundler } from './bundler.ts'
import type { PackageBundles } from './package-bundles.ts'

const TOOLS = [
  'package.json', // its `imports` say what #shared/… is
  'scripts/build/function-bundle.ts',
  'scripts/build/driver-bundles.ts',
  'scripts/build/apart-drivers.ts',
  'scripts/build/apart-packages.ts',
  'scripts/build/without-ddl.ts',
  'node_modules/.package-lock.json',
]
/** An instance may still be loading the build before the one that replaces it. */
const KEPT_BUILDS = 10

export interface FunctionBundlerOptions {
  readonly root: string
  readonly functionsDir: string
  readonly outDir: string
  readonly built: (bundle: Bundle, tookMs: number) => void
  readonly failed: (name: string, message: string) => void
}

/** Makes a bundler for a function, into a file of its own for each build, with its packages apart. */
export function functionBundler(
  name: string,
  options: FunctionBundlerOptions & { readonly packages: PackageBundles },
): Bundler {
  const { root, functionsDir, outDir, built, failed, packages } = options
  const folder = join(outDir, name)
  const imported = new Map<string, string>()
  const recent: string[] = []
  const deployed = functionBundle({ root, functionsDir, name, outfile: join(folder, 'index.mjs') })

  async function write(outputs: readonly OutputFile[], previous: Bundle | undefined): Promise<Bundle> {
    const apart = await packages.folderOf(imported)
    const text = codeOf(outputs).text.replaceAll(PACKAGES_FOLDER, `../packages/${basename(apart)}`)
    const version = hashOf([Buffer.from(text)])
    const file = join(folder, `${version}.mjs`)
    await mkdir(folder, { recursive: true })
    // What a deployment would carry is measured once: it is for the eye, and takes longer than all else between a
    // save and its answer.
    const [bytes] = await Promise.all([previous?.bytes ?? bytesOf(deployed), writeFile(file, text)])
    const modules = [...imported.keys()].map((specifier) => join(apart, packageFile(specifier)))
    return { name, version, file, bytes, modules }
  }

  async function tidy({ file }: Bundle): Promise<void> {
    recent.push(basename(file))
    const kept = recent.slice(-KEPT_BUILDS)
    const old = (await readdir(folder)).filter((it) => !kept.includes(it))
    await Promise.all(old.map((it) => rm(join(folder, it), { force: true })))
  }

  const build = {
    ...deployed,
    minify: false,
    sourcemap: false as const,
    write: false,
    plugins: [...deployed.plugins, apartPackages(imported)],
  }
  return createBundler({
    name,
    outDir,
    build,
    tools: tools(root),
    write,
    tidy,
    built,
    failed: (message) => failed(name, message),
  })
}

/** Makes the bundler of all drivers, which functions load from `<outDir>/drivers`. */
export function driverBundler({ root, outDir, built, failed }: FunctionBundlerOptions): Bundler {
  const folder = join(outDir, 'drivers')

  async function write(outputs: readonly OutputFile[]): Promise<Bundle> {
    await mkdir(folder, { recursive: true })
    await Promise.all(outputs.map(({ path, contents }) => writeFile(path, contents)))
    const bytes = outputs.reduce((sum, { contents }) => sum + contents.byteLength, 0)
    const version = hashOf(outputs.map(({ contents }) => contents))
    return { name: 'drivers', version, file: folder, bytes, modules: [] }
  }

  const build = { ...driverBundles(root, folder), write: false } as const
  return createBundler({
    name: 'drivers',
    outDir,
    build,
    entries: build.entryPoints,
    tools: tools(root),
    write,
    built,
    failed: (message) => failed('drivers', message),
  })
}

function tools(root: string): readonly string[] {
  return TOOLS.map((file) => join(root, file))
}

function codeOf(outputs: readonly OutputFile[]): OutputFile {
  const code = outputs.find(({ path }) => path.endsWith('.mjs'))
  if (code === undefined) throw new TypeError('esbuild made no code')
  return code
}

function hashOf(contents: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of contents) hash.update(part)
  return hash.digest('hex').slice(0, 12)
}

/** Builds what a deployment would carry, and forgets it. */
async function bytesOf(options: ReturnType<typeof functionBundle>): Promise<number> {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({ ...options, sourcemap: false, write: false })
  return codeOf(outputFiles).contents.byteLength
}
