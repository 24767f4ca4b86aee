// Runs in a process of its own, on either runtime: node|bun bench/outbox-worker.ts <database URL> [<webhook URL>]
// Drains messages, to nowhere or to a webhook, and prints how many a second.
import { downstreamTargets } from '#shared/backend/downstream.ts'
import { systemClock as clock } from '#shared/clock.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { drain } from '#shared/outbox/drain.ts'
import { enqueue } from '#shared/outbox/enqueue.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { median } from './table.ts'

/** Medians of messages a second. */
export interface OutboxRate {
  readonly perS: number
}

const ROUNDS = 5
const MESSAGES = 3_000
const CHUNK = 500
const LONGEST_MS = 60_000

const [databaseUrl = '', webhookUrl] = process.argv.slice(2)
const signal = AbortSignal.timeout(LONGEST_MS)
const logger = createLogger({ level: 'warn' })
const database = openDatabase({ url: new URL(databaseUrl), poolSize: 2 })
const targets =
  webhookUrl === undefined
    ? { webhook: async () => {} }
    : downstreamTargets(
        { webhook: { url: new URL(webhookUrl), key: new Uint8Array(32).fill(7) } },
        { clock, outbound: createOutbound({ logger, clock }) },
      )
const rates: number[] = []
for (let round = 0; round <= ROUNDS; round += 1) rates.push(await drained())
await database.close()
console.log(JSON.stringify({ perS: median(rates.slice(1)) } satisfies OutboxRate)) // the first one warms up

async function drained(): Promise<number> {
  const sql = await database.sql()
  const payload = { no: '01a2097f563076e4b8a413853fbf3a46', amountFen: 19_900, metadata: { sku: 'mooncake' } }
  const messages = Array.from({ length: CHUNK }, () => ({ topic: 'order.paid', target: 'webhook', payload }))
  for (let count = 0; count < MESSAGES; count += CHUNK)
    await enqueue(sql, messages, { now: new Date(clock()), signal })
  const startedAt = performance.now()
  const { done } = await drain({ database, clock, logger, targets, schedule: { waitsS: [10] } }, signal)
  if (done !== MESSAGES) throw new TypeError(`Only ${done} of ${MESSAGES} messages have arrived`)
  return (MESSAGES / (performance.now() - startedAt)) * 1_000
}
