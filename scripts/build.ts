import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildFunctions, type Built } from './build/build-functions.ts'
import { kb } from './build/check-bundle.ts'
import { explained } from './build/explained.ts'
import { FUNCTIONS } from './functions.ts'

const HELP = `npm run build [-- --out <dir>]

Bundles every function into <dir>/<name>/index.mjs (dist by default) for Bun and Node, checks each bundle
against its budget and for code that must not be in it, and prints the sizes.

  --out <dir>   where to write; emptied first
  --help        this text`

const root = dirname(import.meta.dirname)
process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: 'dist' }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    console.log(HELP)
    return 0
  }
  const outDir = resolve(root, values.out)
  try {
    const built = await buildFunctions({
      root,
      functionsDir: `${root}/functions`,
      outDir,
      functions: FUNCTIONS,
    })
    return report(built)
  } catch (error) {
    console.error(await explained(error))
    return 1
  }
}

function report(built: readonly Built[]): number {
  for (const { name, bytes } of built) console.log(`${name.padEnd(12)} ${kb(bytes).padStart(7)} KB`)
  const problems = built.flatMap(({ problems }) => problems)
  for (const problem of problems) console.error(`\n${problem}`)
  return problems.length === 0 ? 0 : 1
}
