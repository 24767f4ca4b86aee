import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildFunctions } from '#scripts/build/build-functions.ts'
import { FUNCTIONS } from '#scripts/functions.ts'
import type { Row } from './table.ts'

/** KB (1,000 bytes) of what a function loads: its bundle, and the drivers that stand beside all bundles. */
export async function benchSize(): Promise<readonly Row[]> {
  const root = dirname(import.meta.dirname)
  const outDir = mkdtempSync(join(tmpdir(), 'xiaohan-size-'))
  try {
    const built = await buildFunctions({
      root,
      functionsDir: join(root, 'functions'),
      outDir,
      functions: FUNCTIONS,
    })
    const bundles = built.map(({ name, bytes }): Row => {
      const budgetKb = FUNCTIONS.find((spec) => spec.name === name)?.budgetKb ?? 0
      return {
        what: `bundle of ${name}`,
        median: bytes / 1000,
        unit: 'KB',
        target: `≤ ${budgetKb} KB`,
        met: bytes / 1000 <= budgetKb,
        how: 'minified, one file',
      }
    })
    const drivers = readdirSync(join(outDir, 'drivers')).filter((name) => name.endsWith('.mjs'))
    const files = drivers.map((name): Row => ({
      what: `driver ${name.replace('.mjs', '')}`,
      median: statSync(join(outDir, 'drivers', name)).size / 1000,
      unit: 'KB',
      how: 'beside the bundles, loaded when first used',
    }))
    return [...bundles, ...files]
  } finally {
    rmSync(outDir, { recursive: true })
  }
}
