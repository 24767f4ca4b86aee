import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { FunctionSpec } from '#scripts/functions.ts'
import { bundleProblems } from './check-bundle.ts'
import { driverBundles } from './driver-bundles.ts'
import { functionBundle } from './function-bundle.ts'

export interface BuildOptions {
  readonly root: string
  readonly functionsDir: string
  readonly outDir: string
  readonly functions: readonly FunctionSpec[]
}

export interface Built {
  readonly name: string
  readonly bytes: number
  readonly problems: readonly string[]
}

/** Builds every function of the table that has a folder, and the drivers, into `outDir`, which is emptied first. */
export async function buildFunctions(options: BuildOptions): Promise<readonly Built[]> {
  const { root, functionsDir, outDir, functions } = options
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  const present = functions.filter(({ name }) => existsSync(join(functionsDir, name, 'index.ts')))
  const [built] = await Promise.all([
    Promise.all(present.map((spec) => buildFunction(spec, options))),
    build(driverBundles(root, join(outDir, 'drivers'))),
  ])
  return built
}

async function buildFunction({ name, budgetKb }: FunctionSpec, options: BuildOptions): Promise<Built> {
  const { root, functionsDir, outDir } = options
  const outfile = join(outDir, name, 'index.mjs')
  const { metafile } = await build(functionBundle({ root, functionsDir, name, outfile }))
  const bytes = Object.entries(metafile.outputs).find(([file]) => file.endsWith('.mjs'))?.[1].bytes ?? 0
  return { name, bytes, problems: bundleProblems({ name, bytes, budgetKb, metafile }) }
}
