import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'
import { migrate } from '#scripts/migrate.ts'
import { startMariadb } from '#scripts/services/mariadb.ts'
import { startPostgres } from '#scripts/services/postgres.ts'
import type { OutboxRate } from './outbox-worker.ts'
import { outputOf } from './output-of.ts'
import { startServer } from './server-process.ts'
import type { Row } from './table.ts'

const root = dirname(import.meta.dirname)
const RUNTIMES = ['bun', 'node'] as const
const TARGETS = { PostgreSQL: 3_000, MariaDB: 2_000 }

/** Messages drained a second by one process: where delivering costs nothing, and to a webhook on this machine. */
export async function benchOutbox(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-outbox-'))
  const [postgres, mariadb, webhook] = await Promise.all([
    startPostgres({ dataDir: join(folder, 'postgres') }),
    startMariadb({ dataDir: join(folder, 'mariadb') }),
    startServer({ executable: process.execPath, args: [join(import.meta.dirname, 'webhook-server.ts')] }),
  ])
  try {
    const rows = await rowsOn('PostgreSQL', postgres.url, webhook.url)
    return mariadb === undefined ? rows : [...rows, ...(await rowsOn('MariaDB', mariadb.url, webhook.url))]
  } finally {
    webhook.stop()
    await Promise.all([postgres.stop(), mariadb?.stop()])
    rmSync(folder, { recursive: true, force: true })
  }
}

async function rowsOn(name: keyof typeof TARGETS, url: string, webhookUrl: string): Promise<readonly Row[]> {
  await migrate({ url: new URL(url) })
  const rows: Row[] = []
  for (const runtime of RUNTIMES) {
    const alone = await rateOf(runtime, [url])
    const target = TARGETS[name]
    const how = 'median of 5 rounds of 3,000 messages, one process, database on the same 2 cores'
    const met = { target: `≥ ${target.toLocaleString('en')}/s`, met: alone >= target }
    rows.push({ what: `outbox drained, ${name}, ${runtime}`, median: alone, unit: '/s', how, ...met })
    const told = await rateOf(runtime, [url, webhookUrl])
    rows.push({ what: `outbox drained to a webhook, ${name}, ${runtime}`, median: told, unit: '/s', how })
  }
  return rows
}

async function rateOf(runtime: (typeof RUNTIMES)[number], args: readonly string[]): Promise<number> {
  const worker = join(import.meta.dirname, 'outbox-worker.ts')
  const rate: OutboxRate = JSON.parse(await outputOf(runtimeExecutable(runtime, root), [worker, ...args]))
  return rate.perS
}
