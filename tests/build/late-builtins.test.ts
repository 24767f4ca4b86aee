import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { lateBuiltins } from '#scripts/build/late-builtins.ts'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'xiaohan-late-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

async function bundle(source: string): Promise<string> {
  const [entry, outfile] = [join(folder, `${Math.random()}.ts`), join(folder, `${Math.random()}.mjs`)]
  await writeFile(entry, source)
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    plugins: [lateBuiltins()],
  })
  return pathToFileURL(outfile).href
}

/** The names of built-in modules that were fetched while `work` ran. */
async function fetchedDuring(work: () => unknown): Promise<readonly string[]> {
  const real = process.getBuiltinModule.bind(process)
  const fetched: string[] = []
  const noting = (id: string) => {
    fetched.push(id)
    return real(id)
  }
  Object.assign(process, { getBuiltinModule: noting })
  try {
    await work()
  } finally {
    Object.assign(process, { getBuiltinModule: real })
  }
  return fetched
}

describe("Node's heavier modules", () => {
  test('are not fetched by loading a bundle that imports them, only by calling', async () => {
    const file = await bundle(`
import { createHash } from 'node:crypto'
import { BlockList } from 'node:net'
export const digest = (text: string) => createHash('sha256').update(text).digest('hex')
export const list = () => new BlockList()`)
    let loaded: { digest(text: string): string; list(): object } | undefined
    expect(await fetchedDuring(async () => void (loaded = await import(file)))).toEqual([])
    let digest = ''
    expect(await fetchedDuring(() => void (digest = loaded?.digest('abc') ?? ''))).toEqual(['node:crypto'])
    expect(digest).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    const { BlockList } = await import('node:net')
    expect(loaded?.list()).toBeInstanceOf(BlockList)
  })

  test('give functions and classes only: a constant fails the build', async () => {
    const source = `import { constants } from 'node:crypto'\nexport const padding = constants.RSA_PKCS1_PADDING`
    await expect(bundle(source)).rejects.toThrow('No matching export')
  })
})
