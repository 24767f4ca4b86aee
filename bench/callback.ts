import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buildFunctions } from '#scripts/build/build-functions.ts'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'
import { newPayAccount, paySettings } from '#scripts/emulator/wechat-pay/account.ts'
import { FUNCTIONS } from '#scripts/functions.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { migrate } from '#scripts/migrate.ts'
import { findExecutable } from '#scripts/services/executables.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { startPostgres } from '#scripts/services/postgres.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { HttpLoad } from './http-load-worker.ts'
import { outputOf } from './output-of.ts'
import { countPaid, paidOrders } from './paid-orders.ts'
import { startFunctionProcess, startServer } from './server-process.ts'
import { median, type Row } from './table.ts'

const root = dirname(import.meta.dirname)
const WEBHOOK_SERVER = join(import.meta.dirname, 'webhook-server.ts')
const RUNTIMES = ['bun', 'node'] as const
type Runtime = (typeof RUNTIMES)[number]

const APP_ID = 'wx0000000000000000'
const PASSES = 3
const NOTIFICATIONS = 3_000
const TARGET = 500
/** Linux holds the function to one core. */
const pin = findExecutable('taskset') === undefined ? [] : ['taskset', '-c', '0']

/**
 * What the webhook does. One that never answers holds up all deliveries, so that what is measured is taking in alone:
 * verify, decrypt, inbox, outbox, commit.
 */
const WEBHOOKS = ['hangs', 'answers'] as const
type Webhook = (typeof WEBHOOKS)[number]

/** Notifications of payments, each of an order of its own, taken in by the built function, which tells a webhook of them. */
export async function benchCallback(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-callback-'))
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') })
  const functions = FUNCTIONS.filter(({ name }) => name === 'callback')
  try {
    await migrate({ url: new URL(postgres.url) })
    await buildFunctions({ root, functionsDir: join(root, 'functions'), outDir: folder, functions })
    const cases = WEBHOOKS.flatMap((webhook) => RUNTIMES.map((runtime) => ({ webhook, runtime })))
    const loads = cases.map((): CallbackLoad[] => [])
    // Pass by pass, all in each, so that none has the quieter machine.
    for (let pass = 0; pass < PASSES; pass += 1)
      for (const [at, one] of cases.entries())
        loads[at]?.push(await load(one, { folder, databaseUrl: postgres.url }))
    return cases.flatMap((one, at) => rowsOf(one, loads[at] ?? []))
  } finally {
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface CallbackLoad extends HttpLoad {
  /** What one notification takes of a core. */
  readonly cpuMsEach: number
}

interface Surroundings {
  readonly folder: string
  readonly databaseUrl: string
}

interface Case {
  readonly webhook: Webhook
  readonly runtime: Runtime
}

/** What one new process does with as many new orders. */
async function load(
  { webhook, runtime }: Case,
  { folder, databaseUrl }: Surroundings,
): Promise<CallbackLoad> {
  const receiver = await startServer({ executable: process.execPath, args: [WEBHOOK_SERVER, webhook] })
  const account = newPayAccount(APP_ID)
  const env = {
    ...generateSecrets(),
    ...paySettings(account),
    DATABASE_URL: databaseUrl,
    WECHAT_APP_ID: APP_ID,
    WECHAT_PUSH_TOKEN: 'bench',
    RATE_LIMIT_FACTOR: '10000',
    WEBHOOK_URL: receiver.url,
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    LOG_LEVEL: 'error',
  }
  const [executable, ...args] = [
    ...pin,
    runtimeExecutable(runtime, root),
    join(folder, 'callback', 'index.mjs'),
  ]
  const server = await startFunctionProcess({ executable, args, env }, await freePort())
  const database = openDatabase({ url: new URL(databaseUrl), poolSize: 1 })
  try {
    const before = await countPaid(database)
    const file = join(folder, 'notifications.json')
    writeFileSync(file, JSON.stringify(await paidOrders(database, account, NOTIFICATIONS)))
    const worker = join(import.meta.dirname, 'replay-worker.ts')
    const url = `${server.url}/api/v1/callback/wechat-pay`
    const cpuMs = server.cpuMs()
    const measured: HttpLoad = JSON.parse(await outputOf(process.execPath, [worker, url, file]))
    const cpuMsEach = (server.cpuMs() - cpuMs) / NOTIFICATIONS
    const paid = (await countPaid(database)) - before
    if (measured.statuses['204'] !== NOTIFICATIONS || paid !== NOTIFICATIONS)
      throw new TypeError(`callback answered ${JSON.stringify(measured.statuses)}; ${paid} orders are paid`)
    return { ...measured, cpuMsEach }
  } finally {
    server.stop()
    receiver.stop()
    await database.close()
  }
}

function rowsOf({ webhook, runtime }: Case, loads: readonly CallbackLoad[]): readonly Row[] {
  const isDelivered = webhook === 'answers'
  const what = `notification of a payment taken in${isDelivered ? ' and told' : ''}, ${runtime}`
  const cores = pin.length === 0 ? 'one process' : 'function on one core'
  const how = `median of ${PASSES} passes of ${NOTIFICATIONS} orders, 16 connections, ${cores}, a webhook that ${webhook}, all on the same 2 cores`
  const perS = median(loads.map((one) => one.perS))
  const cpuMs = median(loads.map((one) => one.cpuMsEach))
  const p99Ms = median(loads.map((one) => one.p99Ms))
  return [
    {
      what,
      median: perS,
      unit: '/s',
      how,
      ...(isDelivered ? {} : { target: `≥ ${TARGET}/s`, met: perS >= TARGET }),
    },
    { what: `${what}: time on the core`, median: cpuMs, unit: 'ms', how },
    { what: `${what}: p99`, median: p99Ms, unit: 'ms', how },
  ]
}
