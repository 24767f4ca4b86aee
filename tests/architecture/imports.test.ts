import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { describe, expect, test } from '@jest/globals'

const root = join(import.meta.dirname, '..', '..')

const LEAF_FOLDERS = ['config', 'telemetry', 'media']
const PORT_FOLDERS = ['db', 'state', 'storage', 'outbound', 'http']
const ASSEMBLY_FOLDERS = ['guard', 'backend']

/** What a file is, by its path. */
type Layer =
  | 'leaf'
  | 'port'
  | 'domain'
  | 'assembly'
  | 'runtime'
  | `function:${string}`
  | 'scripts'
  | 'tests'
  | 'bench'

/** Who may import whom, besides a folder's own files. A function's own folder is its own files. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  leaf: ['leaf'],
  port: ['leaf'],
  domain: ['leaf', 'port'],
  assembly: ['leaf', 'port', 'domain', 'assembly'],
  runtime: ['leaf:telemetry', 'types:http'],
  function: ['leaf', 'port', 'domain', 'assembly'],
  scripts: ['leaf', 'port', 'domain', 'assembly', 'runtime', 'function', 'scripts'],
  tests: ['leaf', 'port', 'domain', 'assembly', 'runtime', 'function', 'scripts', 'tests'],
  bench: ['leaf', 'port', 'domain', 'assembly', 'runtime', 'function', 'scripts', 'tests', 'bench'],
}

interface Import {
  readonly from: string
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
}

function layerOf(path: string): Layer {
  const [top = '', folder = '', file] = path.split('/')
  if (top === 'functions') return `function:${folder}`
  if (top === 'scripts' || top === 'tests' || top === 'bench') return top
  if (file === undefined || LEAF_FOLDERS.includes(folder)) return 'leaf'
  if (folder === 'runtime') return 'runtime'
  if (ASSEMBLY_FOLDERS.includes(folder)) return 'assembly'
  return PORT_FOLDERS.includes(folder) ? 'port' : 'domain'
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => `${folder}/${name.split(sep).join('/')}`)
}

function importsOf(path: string): Import[] {
  const text = readFileSync(join(root, path), 'utf8')
  const pattern = /^(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm
  return [...text.matchAll(pattern)].map((match) => ({
    from: path,
    line: text.slice(0, match.index).split('\n').length,
    specifier: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }))
}

/** The imported file inside the repository; undefined for packages and built-ins. */
function target({ from, specifier }: Import): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1)
  if (specifier.startsWith('.'))
    return relative(root, join(root, from, '..', specifier))
      .split(sep)
      .join('/')
  return undefined
}

function problemOf(imported: Import): string | undefined {
  const to = target(imported)
  if (imported.specifier.startsWith('../')) return 'climbs with ../ ; write #shared/… or #functions/…'
  if (to === undefined) return undefined
  if (!to.endsWith('.ts') && !to.endsWith('.mjs') && !to.endsWith('.json')) return 'has no file ending'
  const source = layerOf(imported.from)
  const destination = layerOf(to)
  const folder = (path: string) => path.split('/').slice(0, 2).join('/')
  if (source === destination && folder(imported.from) === folder(to)) return undefined
  const allowed = MAY_IMPORT[source.replace(/:.*/, '')] ?? []
  const kind = destination.replace(/:.*/, '')
  const inFolder = `${kind}:${to.split('/')[1]}`
  if (allowed.includes(kind) || allowed.includes(inFolder)) return undefined
  if (allowed.includes('types:http') && to.startsWith('shared/http/') && imported.typeOnly) return undefined
  return `${source} may not import ${destination} (${to})`
}

const files = ['shared', 'functions', 'scripts', 'tests', 'bench'].flatMap(sourceFiles)

describe('import table', () => {
  test('every import stays inside what its layer may use', () => {
    const problems = files
      .flatMap(importsOf)
      .map((imported) => ({ imported, problem: problemOf(imported) }))
      .filter(({ problem }) => problem !== undefined)
      .map(({ imported, problem }) => `${imported.from}:${imported.line}: ${imported.specifier}: ${problem}`)

    expect(problems).toEqual([])
  })

  test.each([
    ['shared/errors.ts', '#shared/http/app.ts', 'leaf may not import port'],
    ['shared/db/x.ts', '#shared/tokens/access-tokens.ts', 'port may not import domain'],
    ['shared/db/x.ts', '#shared/state/store.ts', 'port may not import port'],
    ['shared/tokens/x.ts', '#shared/users/present-user.ts', 'domain may not import domain'],
    ['shared/tokens/x.ts', '#shared/guard/guard.ts', 'domain may not import assembly'],
    ['shared/guard/x.ts', '#functions/user/hello.ts', 'assembly may not import function:user'],
    ['functions/login/x.ts', '#functions/user/hello.ts', 'function:login may not import function:user'],
    ['functions/login/x.ts', '#shared/runtime/serve.ts', 'function:login may not import runtime'],
    ['shared/tokens/x.ts', '#scripts/build.ts', 'domain may not import scripts'],
    ['functions/login/x.ts', '../user/hello.ts', 'climbs with ../'],
  ])('%s importing %s is refused', (from, specifier, reason) => {
    expect(problemOf({ from, specifier, line: 1, typeOnly: true })).toContain(reason)
  })

  test.each([
    ['shared/tokens/x.ts', '#shared/db/database.ts'],
    ['functions/login/x.ts', '#shared/tokens/access-tokens.ts'],
    ['functions/login/x.ts', './schemas.ts'],
    ['shared/guard/x.ts', '#shared/tokens/session-guard.ts'],
    ['shared/backend/x.ts', '#shared/guard/guard.ts'],
    ['functions/login/x.ts', '#shared/backend/create-backend.ts'],
    ['shared/runtime/x.ts', '#shared/http/app.ts'],
    ['shared/db/tables/x.ts', '#shared/db/database.ts'],
  ])('%s importing %s is allowed', (from, specifier) => {
    expect(problemOf({ from, specifier, line: 1, typeOnly: true })).toBeUndefined()
  })

  test('the table sees the project: files and imports are found', () => {
    expect(files.length).toBeGreaterThan(50)
    expect(files.flatMap(importsOf).length).toBeGreaterThan(200)
  })
})

describe('npm lock', () => {
  test('names every optional package of every platform, so that npm ci passes on each', () => {
    const lock: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
      readFileSync(join(root, 'package-lock.json'), 'utf8'),
    )

    const missing = Object.entries(lock.packages).flatMap(([where, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) =>
          !(`node_modules/${name}` in lock.packages) && !(`${where}/node_modules/${name}` in lock.packages),
      ),
    )

    expect(missing).toEqual([])
  })
})
