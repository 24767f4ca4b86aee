import { afterAll, beforeAll, describe } from '@jest/globals'
import { Redis } from 'ioredis'
import { openDatabase } from '#shared/db/open-database.ts'
import { rawQueries } from '#shared/db/raw-queries.ts'
import { takeFromCells, type Cell } from '#shared/state/limit-cells.ts'
import { limitUnits } from '#shared/state/limit-units.ts'
import { postgresState } from '#shared/state/postgres-state.ts'
import { CONSUME } from '#shared/state/redis-scripts.ts'
import { limitArithmeticSuite, type TakeAt } from '#tests/contracts/limit-arithmetic.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { testDatabase } from '#tests/services/test-database.ts'
import { testRedis } from '#tests/services/test-redis.ts'

const never = new AbortController().signal

describe('limits reckoned in memory', () => {
  const cells = new Map<string, Cell>()

  limitArithmeticSuite(() => async (limits, nowUs) => takeFromCells(limitUnits(limits), cells, nowUs), 500)
})

describeWith(['redis'], 'limits reckoned by the script in Redis', () => {
  let takeAt: TakeAt
  let close = async () => {}
  beforeAll(async () => {
    const server = await testRedis()
    const redis = new Redis(server.url)
    // The same script, but its time is the last two of its arguments, by which nothing expires.
    const script = CONSUME.text
      .replace("redis.call('TIME')", '{ ARGV[#ARGV - 1], ARGV[#ARGV] }')
      .replace(", 'PX', ceil((full - now) / 1000) + 1", '')
    takeAt = async (limits, nowUs) => {
      const units = limitUnits(limits)
      const args = units.flatMap(({ kind, spanUs, size, cost }) => [kind, spanUs, size, cost])
      const time = [Math.floor(nowUs / 1e6), nowUs % 1e6]
      const keys = units.map(({ key }) => key)
      const answer = await redis.eval(script, keys.length, ...keys, 'take', keys.length, ...args, ...time)
      const numbers = answer as number[] // as the script returns
      return keys.map((_, at) => {
        const [allowed, remaining = 0, retryAfterMs = 0, resetMs = 0] = numbers.slice(at * 5)
        return { allowed: allowed === 1, remaining, retryAfterMs, resetMs }
      })
    }
    close = async () => {
      redis.disconnect()
      await server.stop()
    }
  })
  afterAll(() => close())

  limitArithmeticSuite(() => takeAt, 150)
})

describe('limits reckoned by the function in PostgreSQL', () => {
  let takeAt: TakeAt
  let close = async () => {}
  beforeAll(async () => {
    const test = await testDatabase('postgres')
    const database = openDatabase({ url: test.url, poolSize: 1 })
    const queries = rawQueries(database)
    const store = postgresState({ queries, random: () => 1, operationMs: 4_000 })
    // The same function, but its time is a setting of the connection.
    const [row] = await queries.query("select pg_get_functiondef('state_take'::regproc) as text", [], never)
    const text = String(row?.['text']).replace(
      '(extract(epoch from clock_timestamp()) * 1000000)::bigint',
      "current_setting('test.now_us')::bigint",
    )
    await queries.query(text, [], never)
    takeAt = async (limits, nowUs) => {
      await queries.query("select set_config('test.now_us', $1, false)", [String(nowUs)], never)
      return (await store.consume({ limits }, never)).consumptions
    }
    close = async () => {
      await database.close()
      await test.close()
    }
  })
  afterAll(() => close())

  limitArithmeticSuite(() => takeAt, 60)
})
