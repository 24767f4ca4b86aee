import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'
import { migrate } from '#scripts/migrate.ts'
import { findExecutable } from '#scripts/services/executables.ts'
import { startPostgres } from '#scripts/services/postgres.ts'
import type { Row } from './table.ts'

/** What bench/token-worker.ts prints. */
export interface TokenRates {
  /** Medians of operations a second, one process. */
  readonly signatureOnly: number
  readonly verify: number
  readonly refresh: number
}

const root = dirname(import.meta.dirname)
const RUNTIMES = ['node', 'bun'] as const
/** Linux pins the worker to one core, since both runtimes check signatures on threads beside their own. */
const pin = findExecutable('taskset') === undefined ? [] : ['taskset', '-c', '0']
const TARGETS = { verify: 4_000, refresh: 400 }

/** Tokens verified (revocation included) and sessions refreshed by one process, on the embedded PostgreSQL. */
export async function benchTokens(): Promise<readonly Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'xiaohan-tokens-'))
  const postgres = await startPostgres({ dataDir })
  try {
    await migrate({ url: new URL(postgres.url) })
    const rows: Row[] = []
    for (const runtime of RUNTIMES) rows.push(...rowsOf(runtime, await runWorker(runtime, postgres.url)))
    return rows
  } finally {
    await postgres.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function runWorker(runtime: 'node' | 'bun', url: string): Promise<TokenRates> {
  const worker = join(import.meta.dirname, 'token-worker.ts')
  const [program, ...args] = [...pin, runtimeExecutable(runtime, root), worker, url]
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += String(chunk)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new TypeError(`The token bench failed on ${runtime}`)
  return JSON.parse(text)
}

function rowsOf(runtime: string, rates: TokenRates): Row[] {
  const row = (what: string, value: number, target?: number): Row => ({
    what: `${what}, ${runtime}`,
    median: value,
    unit: '/s',
    ...(target === undefined ? {} : { target: `≥ ${target.toLocaleString('en')}/s`, met: value >= target }),
    how: `median of 7 rounds of 1 s, one process${pin.length === 0 ? '' : ' on one core'}, 64 in flight`,
  })
  return [
    row('token signature check alone', rates.signatureOnly),
    row('token verification with revocation', rates.verify, TARGETS.verify),
    row('refresh', rates.refresh, TARGETS.refresh),
  ]
}
