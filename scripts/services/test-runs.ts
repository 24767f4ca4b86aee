import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'

export type Runtime = 'node' | 'bun'

export interface TestRun {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export interface TestRunOptions {
  readonly root: string
  /** For the report; written to. */
  readonly folder: string
  readonly files: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Told of the process, so that it can be stopped. */
  readonly onStart: (child: ChildProcess) => void
}

interface Runner {
  readonly title: string
  readonly executable: (root: string) => string
  readonly args: (files: readonly string[], report: string) => readonly string[]
  readonly counts: (report: string) => TestRun
}

const TIMEOUT_MS = 30_000

const RUNNERS: Readonly<Record<Runtime, Runner>> = {
  node: {
    title: 'jest on Node',
    executable: () => process.execPath,
    args: (files, report) => [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join('node_modules', 'jest', 'bin', 'jest.js'),
      '--json',
      `--outputFile=${report}`,
      '--runTestsByPath',
      ...files,
    ],
    counts(report) {
      // The part of jest's report that is read here. A file that cannot be loaded counts as one failure.
      const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = JSON.parse(
        report,
      ) as {
        [name: string]: number
      }
      const failed = (numFailedTests ?? 0) + (numRuntimeErrorTestSuites ?? 0)
      return { passed: numPassedTests ?? 0, failed, skipped: numPendingTests ?? 0 }
    },
  },
  bun: {
    title: 'bun test on Bun',
    executable: (root) => runtimeExecutable('bun', root),
    args: (files, report) => [
      'test',
      `--timeout=${TIMEOUT_MS}`,
      '--reporter=junit',
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ],
    counts(report) {
      const head = /<testsuites[^>]*>/.exec(report)?.[0] ?? ''
      const [tests, failed, skipped] = ['tests', 'failures', 'skipped'].map((name) =>
        Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0),
      )
      return {
        passed: (tests ?? 0) - (failed ?? 0) - (skipped ?? 0),
        failed: failed ?? 0,
        skipped: skipped ?? 0,
      }
    },
  },
}

/** Runs the test files on one runtime, and counts. A run that ends badly counts at least one failure. */
export async function runTests(
  runtime: Runtime,
  { root, folder, files, env, onStart }: TestRunOptions,
): Promise<TestRun> {
  const { title, executable, args, counts } = RUNNERS[runtime]
  const report = join(folder, `report-${runtime}`)
  console.log(`— ${title}, ${files.length} files`)
  const child = spawn(executable(root), args(files, report), {
    cwd: root,
    env: { ...env, NODE_ENV: 'test' },
    // jest prints its JSON report to stdout as well, when it may.
    stdio: ['ignore', runtime === 'node' ? 'ignore' : 'inherit', 'inherit'],
  })
  onStart(child)
  const [code] = await once(child, 'close')
  const run = existsSync(report) ? counts(readFileSync(report, 'utf8')) : { passed: 0, failed: 0, skipped: 0 }
  return code === 0 ? run : { ...run, failed: Math.max(run.failed, 1) }
}
