import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { BuildOptions } from 'esbuild'
import { packageFile, type Packages } from '#scripts/build/apart-packages.ts'
import { withoutDdl } from '#scripts/build/without-ddl.ts'

/** What a package's code depends on besides its own version. */
const TOOLS = ['node_modules/.package-lock.json', 'scripts/build/without-ddl.ts']

/** Packages as ES modules, made once for each set that a function imports and each state of the lock. */
export interface PackageBundles {
  /** The folder that has a file for each of them, as `packageFile` names it. */
  folderOf(packages: Packages): Promise<string>
}

export function createPackageBundles({
  root,
  outDir,
}: {
  readonly root: string
  readonly outDir: string
}): PackageBundles {
  const all = join(outDir, 'packages')
  const making = new Map<string, Promise<void>>()

  async function folderOf(packages: Packages): Promise<string> {
    const lock = hashed(TOOLS.map((file) => readFileSync(join(root, file))))
    const folder = join(all, `${lock}-${hashed([...packages].flat().toSorted())}`)
    const made = making.get(folder) ?? make(folder, packages)
    making.set(folder, made)
    await made.catch((error: unknown) => {
      making.delete(folder)
      throw error
    })
    return folder
  }

  async function make(folder: string, packages: Packages): Promise<void> {
    if (existsSync(folder)) return
    const draft = `${folder}.${process.pid}`
    await mkdir(draft, { recursive: true }) // there may be no package to write
    const { build } = await import('esbuild')
    await build(moduleBundles(root, draft, packages))
    await rename(draft, folder) // only a finished folder gets the name
    await forget(basename(folder).split('-', 1)[0] ?? '')
  }

  /** Removes what was made under another lock. */
  async function forget(lock: string): Promise<void> {
    const old = readdirSync(all).filter((name) => !name.startsWith(`${lock}-`))
    await Promise.all(old.map((name) => rm(join(all, name), { recursive: true, force: true })))
  }

  return { folderOf }
}

/** One build for all of them: `jose` and `jose/errors` must share their classes. */
function moduleBundles(root: string, outdir: string, packages: Packages) {
  const entries = [...packages].map(([name, file]) => [packageFile(name).slice(0, -'.mjs'.length), file])
  return {
    entryPoints: Object.fromEntries(entries) as Record<string, string>, // pairs of two texts
    absWorkingDir: root,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
    plugins: [withoutDdl()],
  } satisfies BuildOptions
}

function hashed(parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex').slice(0, 12)
}
