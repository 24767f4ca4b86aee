import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { randomId } from '#shared/ids.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { takeFromCells, type Cell } from '#shared/state/limit-cells.ts'
import { limitUnits } from '#shared/state/limit-units.ts'
import { postgresState } from '#shared/state/postgres-state.ts'
import { CONSUME, GIVE_BACK, type Script } from '#shared/state/redis-scripts.ts'
import { limitArithmeticSuite, type TakeAt, unitsLeft } from '#tests/contracts/limit-arithmetic.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { testDatabase } from '#tests/services/test-database.ts'
import { testRedis } from '#tests/services/test-redis.ts'

const never = new AbortController().signal

describe('limits reckoned in memory', () => {
  const cells = new Map<string, Cell>()

  limitArithmeticSuite(() => async (limits, nowUs) => takeFromCells(limitUnits(limits), cells, nowUs), 500)
})

describeWith(['redis'], 'limits reckoned by the script in Redis', () => {
  let run: (script: Script, keys: string[], args: (string | number)[], nowUs: number) => Promise<number[]>
  let close = async () => {}
  beforeAll(async () => {
    const server = await testRedis()
    const redis = new Redis(server.url)
    run = async ({ text }, keys, args, nowUs) => {
      // The same script, but its time is the last two of its arguments, by which nothing expires.
      const timed = text
        .replace("redis.call('TIME')", '{ ARGV[#ARGV - 1], ARGV[#ARGV] }')
        .replace(", 'PX', ceil((full - now) / 1000) + 1", '')
        .replace("redis.call('PTTL', key)", '60000')
      const time = [Math.floor(nowUs / 1e6), nowUs % 1e6]
      const answer = await redis.eval(timed, keys.length, ...keys, ...args, ...time)
      return answer as number[] // as the scripts return
    }
    close = async () => {
      redis.disconnect()
      await server.stop()
    }
  })
  afterAll(() => close())

  const takeAt: TakeAt = async (limits, nowUs) => {
    const units = limitUnits(limits)
    const keys = units.map(({ key }) => key)
    const args = units.flatMap(({ kind, spanUs, size, cost }) => [kind, spanUs, size, cost])
    const numbers = await run(CONSUME, keys, ['take', keys.length, ...args], nowUs)
    return keys.map((_, at) => {
      const [allowed, remaining = 0, retryAfterMs = 0, resetMs = 0] = numbers.slice(at * 5)
      return { allowed: allowed === 1, remaining, retryAfterMs, resetMs }
    })
  }

  limitArithmeticSuite(() => takeAt, 150)

  test('what is given back is never more than was taken, whatever happened in between', () => {
    const kind = fc.constantFrom('token-bucket' as const, 'sliding-window' as const, 'fixed-window' as const)
    const size = fc.integer({ min: 1, max: 9 })
    const step = fc.record({
      waitUs: fc.nat(15_000),
      cost: fc.integer({ min: 1, max: 3 }),
      givesBack: fc.option(fc.nat(4)),
    })

    return fc.assert(
      fc.asyncProperty(kind, size, fc.array(step, { maxLength: 30 }), async (kind, size, steps) => {
        const unit = { kind, key: randomId(), spanUs: 10_000, size, cost: 1 }
        const args = (cost: number) => [kind, unit.spanUs, size, cost]
        let taken: { readonly cost: bigint; readonly atUs: bigint; readonly mark: number }[] = []
        let nowUs = 1_795_000_000_123_457

        for (const { waitUs, cost, givesBack } of steps) {
          nowUs += waitUs
          const back = givesBack === null ? undefined : taken.at(-1 - givesBack)
          if (back === undefined) {
            const [allowed, , , , mark = 0] = await run(
              CONSUME,
              [unit.key],
              ['take', 1, ...args(cost)],
              nowUs,
            )
            if (allowed === 1) taken.push({ cost: BigInt(cost), atUs: BigInt(nowUs), mark })
          } else {
            await run(GIVE_BACK, [unit.key], [kind, unit.spanUs, Number(back.cost), back.mark], nowUs)
            taken = taken.filter((one) => one !== back)
          }
          const [, remaining = 0] = await run(CONSUME, [unit.key], ['look', 1, ...args(0)], nowUs)

          // As if it had never been taken, or less.
          expect(remaining).toBeLessThanOrEqual(Number(unitsLeft(unit, taken, BigInt(nowUs))))
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('limits reckoned by the function in PostgreSQL', () => {
  let takeAt: TakeAt
  let close = async () => {}
  beforeAll(async () => {
    const test = await testDatabase('postgres')
    const database = openDatabase({ url: test.url, poolSize: 1 })
    const queries = database
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
