// npm test: every test on Node and on Bun, over real servers that it starts and stops.
import type { ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { errorText } from './error-text.ts'
import { installServices } from './services/install-services.ts'
import { startMariadb } from './services/mariadb.ts'
import { startPostgres } from './services/postgres.ts'
import { type Runtime, runTests, type TestRun } from './services/test-runs.ts'

const HELP = `Usage: npm test [-- --runtime node|bun] [-- <part of a path> …]

Runs the tests on the pinned Node and on the pinned Bun, over PostgreSQL, MariaDB and Redis of its own.

  --runtime node|bun  on that runtime only
  --help              show this`

const root = join(import.meta.dirname, '..')

interface Stoppable {
  stop(): Promise<void>
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { runtime: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  })
  if (values.help === true) {
    console.log(HELP)
    return 0
  }
  const runtimes = chosenRuntimes(values.runtime)
  const files = chosenFiles(positionals)
  const missing = installServices((line) => console.log(line))

  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-test-'))
  chmodSync(folder, 0o755) // For servers that run under another account.
  const running: Running = { services: [], folder, isStopping: false }
  onSignals(running)
  try {
    const env = await startServers(running, missing)
    const runs: TestRun[] = []
    for (const runtime of runtimes) {
      if (running.isStopping) break
      runs.push(
        await runTests(runtime, { root, folder, files, env, onStart: (child) => (running.child = child) }),
      )
    }
    return running.isStopping ? 1 : conclude(runs, leftOut(folder))
  } finally {
    await stopAll(running)
  }
}

interface Running {
  readonly services: Stoppable[]
  readonly folder: string
  child?: ChildProcess
  isStopping: boolean
}

function chosenRuntimes(name: string | undefined): readonly Runtime[] {
  if (name === undefined) return ['node', 'bun']
  if (name === 'node' || name === 'bun') return [name]
  throw new Error('Cannot run the tests: --runtime must be node or bun')
}

function chosenFiles(parts: readonly string[]): readonly string[] {
  const all = globSync('tests/**/*.test.ts', { cwd: root }).map((file) => file.split(sep).join('/'))
  const files = all.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part))).sort()
  if (files.length === 0)
    throw new Error(`Cannot run the tests: no file of tests/ has ${parts.join(' or ')} in its path`)
  return files
}

/** The environment of the tests: where the servers are, and where suites note that they were left out. */
async function startServers({ services, folder }: Running, missing: readonly string[]) {
  const starting = [
    startPostgres({ dataDir: join(folder, 'postgres'), settings: { max_connections: '200' } }),
    missing.includes('MariaDB')
      ? Promise.resolve(undefined)
      : startMariadb({ dataDir: join(folder, 'mariadb') }),
  ] as const
  // All of them, even when one fails: the others keep this process alive until they are stopped.
  for (const outcome of await Promise.allSettled(starting))
    if (outcome.status === 'fulfilled' && outcome.value !== undefined) services.push(outcome.value)
  const [postgres, mariadb] = await Promise.all(starting)
  return {
    ...process.env,
    TEST_POSTGRES_URL: postgres.url,
    TEST_MYSQL_URL: mariadb?.url,
    TEST_FOLDER: folder,
    TEST_LEFT_OUT_FILE: join(folder, 'left-out'),
  }
}

function leftOut(folder: string): readonly string[] {
  const file = join(folder, 'left-out')
  return existsSync(file) ? [...new Set(readFileSync(file, 'utf8').trim().split('\n'))] : []
}

/** Prints the result and gives the exit code. A suite that was left out fails where nobody would notice: in CI. */
function conclude(runs: readonly TestRun[], suitesLeftOut: readonly string[]): number {
  const sum = (count: (run: TestRun) => number) => runs.reduce((total, run) => total + count(run), 0)
  const failed = sum((run) => run.failed)
  const skipped = sum((run) => run.skipped)
  if (suitesLeftOut.length > 0)
    console.log(`Left out:\n${suitesLeftOut.map((name) => `  - ${name}`).join('\n')}`)
  console.log(
    `${sum((run) => run.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  )
  const isCi = process.env['CI'] === 'true'
  return failed > 0 || (isCi && suitesLeftOut.length > 0) ? 1 : 0
}

async function stopAll(running: Running): Promise<void> {
  const { services, folder, child } = running
  running.isStopping = true
  child?.kill()
  await Promise.all(services.splice(0).map((service) => service.stop()))
  rmSync(folder, { recursive: true, force: true })
}

function onSignals(running: Running): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => void stopAll(running).finally(() => process.exit(code)))
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(errorText(error))
    process.exitCode = 1
  },
)
