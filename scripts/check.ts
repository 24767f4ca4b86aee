// npm run check: format, lint, types and unused code, all of them even when one fails.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const fix = process.argv.includes('--fix')

const STEPS = [
  ['format', 'oxfmt', 'bin/oxfmt', fix ? [] : ['--check']],
  ['lint', 'oxlint', 'bin/oxlint', ['--type-aware', '--deny-warnings', ...(fix ? ['--fix'] : [])]],
  ['types', 'typescript', 'bin/tsc', ['-p', '.']],
  ['unused', 'knip', 'bin/knip.js', []],
] as const

const failed = STEPS.filter(([name, dependency, script, args]) => {
  console.log(`— ${name}`)
  const command = [join(root, 'node_modules', dependency, script), ...args]
  return spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' }).status !== 0
})

console.log(failed.length === 0 ? 'check passed' : `check failed: ${failed.map(([name]) => name).join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
