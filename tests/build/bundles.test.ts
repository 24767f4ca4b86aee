import { afterEach, expect, test } from '@jest/globals'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { buildFunctions } from '#scripts/build/build-functions.ts'
import { EXECUTABLES, root, RUNTIMES } from '#tests/runtime/executables.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function buildSample(source: string, budgetKb = 100) {
  // Inside the project, where packages and `#shared` are found.
  mkdirSync(join(root, '.dev'), { recursive: true })
  const folder = mkdtempSync(join(root, '.dev', 'build-test-'))
  folders.push(folder)
  mkdirSync(join(folder, 'functions', 'sample'), { recursive: true })
  writeFileSync(join(folder, 'functions', 'sample', 'index.ts'), source)
  const spec = { name: 'sample', paths: ['/sample'], timeoutS: 3, concurrency: 1, memoryMb: 128, budgetKb }
  const missing = { ...spec, name: 'not-there' }
  const options = {
    root,
    functionsDir: join(folder, 'functions'),
    outDir: join(folder, 'dist'),
    functions: [spec, missing],
  }
  return { outDir: options.outDir, built: await buildFunctions(options) }
}

test('a function of the table without a folder is left out', async () => {
  const { built } = await buildSample(
    `export default { name: 'sample', fetch: async () => new Response('') }`,
  )

  expect(built.map(({ name, problems }) => ({ name, problems }))).toEqual([{ name: 'sample', problems: [] }])
})

test('a bundle beyond its budget is a problem that names its heaviest files', async () => {
  const { built } = await buildSample(
    `export default { name: 'sample', fetch: async () => new Response('${'x'.repeat(5_000)}') }`,
    5,
  )

  expect(built[0]?.problems.join('\n')).toMatch(
    /^sample has [\d.]+ KB, more than its 5 KB\n.*functions\/sample\/index\.ts/,
  )
})

test('a driver in a bundle is a problem that names the imports which lead to it', async () => {
  const { built } = await buildSample(
    `import { Redis } from 'ioredis'\nexport default { name: 'sample', fetch: async () => new Response(String(Redis)) }`,
    5_000,
  )

  const problems = built[0]?.problems.join('\n')
  expect(problems).toContain('sample must not contain node_modules/ioredis/')
  expect(problems).toMatch(/sample\.entry\.ts\n.*sample\/index\.ts\n.*node_modules\/ioredis\//)
})

test.each(RUNTIMES)('every driver file loads on %s', async (runtime) => {
  const { outDir } = await buildSample(
    `export default { name: 'sample', fetch: async () => new Response('') }`,
  )
  const script = join(outDir, 'load.mjs')
  const drivers = ['pg', 'mysql2', 'ioredis'].map((name) => `./drivers/${name}.mjs`)
  writeFileSync(
    script,
    `for (const file of ${JSON.stringify(drivers)}) console.log(Object.keys(await import(file)).sort().join(' '))`,
  )

  const printed = execFileSync(EXECUTABLES[runtime], [script], { encoding: 'utf8' })

  expect(printed.trim().split('\n')).toEqual(['Client', 'createConnection', 'Cluster Redis'])
})
