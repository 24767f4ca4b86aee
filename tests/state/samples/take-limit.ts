// Takes from one limit until told to stop: node take-limit.ts <redis|postgres> <url> <limit as JSON> <milliseconds>
import { openDatabase } from '#shared/db/open-database.ts'
import { postgresState } from '#shared/state/postgres-state.ts'
import { redisState } from '#shared/state/redis-state.ts'
import type { Limit } from '#shared/state/store.ts'

const [, , kind, url = '', text = '', ms] = process.argv
const limit: Limit = JSON.parse(text)
const never = new AbortController().signal
const patience = { operationMs: 10_000 }
const database = kind === 'postgres' ? openDatabase({ url: new URL(url), poolSize: 1 }) : undefined
const store =
  database === undefined
    ? redisState({ url, ...patience })
    : postgresState({ queries: database, ...patience })

await store.consume({ limits: [{ ...limit, cost: 0 }] }, never) // connected before the first is counted
let granted = 0
let firstAt = Number.POSITIVE_INFINITY
let lastAt = 0
const until = Date.now() + Number(ms)
const line = async () => {
  while (Date.now() < until) {
    const askedAt = Date.now()
    const { consumptions } = await store.consume({ limits: [limit] }, never)
    if (consumptions[0]?.allowed !== true) continue
    granted += 1
    firstAt = Math.min(firstAt, askedAt)
    lastAt = Date.now()
  }
}
await Promise.all(Array.from({ length: 4 }, line))
console.log(JSON.stringify({ granted, firstAt: Number.isFinite(firstAt) ? firstAt : null, lastAt }))
await store.close()
await database?.close()
