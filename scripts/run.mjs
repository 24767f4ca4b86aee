#!/usr/bin/env node
// The door of every npm script, in plain JavaScript that any Node from 20 on can run: installs the locked
// dependencies when they are missing or stale, then hands over to the Node pinned in package.json.
//   node scripts/run.mjs scripts/dev.ts [args]     a TypeScript file
//   node scripts/run.mjs --bin oxfmt [args]        a dependency's command
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
if (!isInstalled()) install()

const [first, ...rest] = process.argv.slice(2)
const args = first === '--bin' ? [binary(rest[0]), ...rest.slice(1)] : [first, ...rest]
hand(pinnedNode(), args)

/** Whether npm's own record of what it installed agrees with the lock; other platforms' packages may be absent. */
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const { packages: installed } = JSON.parse(readFileSync(record, 'utf8'))
  const { packages: locked } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return Object.entries(locked).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional === true && !(path in installed)),
  )
}

function install() {
  console.error('Installing dependencies (once; npm ci) …')
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (result.status !== 0) {
    console.error(
      'Cannot install dependencies: npm ci failed (its message stands above). Mend that, then run the same command again.',
    )
    process.exit(1)
  }
}

/** The pinned Node's executable; the running Node where npm has no binary for this machine and it is new enough. */
function pinnedNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const name = `${platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${process.arch}`
  const executable = join(root, 'node_modules', name, 'bin', platform === 'win' ? 'node.exe' : 'node')
  if (existsSync(executable)) return executable
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  console.error(
    `Cannot find the pinned Node: the package ${name} is not installed. Run npm ci and then the same command again, or use Node 24 or newer.`,
  )
  process.exit(1)
}

function binary(name) {
  const require = createRequire(join(root, 'package.json'))
  const manifest = require.resolve(`${name}/package.json`)
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin[name])
}

function hand(node, args) {
  const child = spawn(node, args, { cwd: root, stdio: 'inherit' })
  // The terminal sends Ctrl-C to the whole group; the child decides when to end. A plain kill is passed on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  // npm passes a kill of its own on to the shell between us, which dies of it and tells nobody.
  const parent = process.ppid
  const isOrphan = () => process.env['npm_lifecycle_event'] !== undefined && process.ppid !== parent
  setInterval(() => isOrphan() && child.kill('SIGTERM'), 300).unref()
  child.on('error', (error) => {
    console.error(`Cannot start ${node}: ${error.message}. Run npm ci and then the same command again.`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}
