import { freePort } from '#scripts/services/free-port.ts'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openDatabase } from '#shared/db/open-database.ts'
import type { Database, Dialect } from '#shared/db/database.ts'
import { postgresState } from '#shared/state/postgres-state.ts'
import { redisState } from '#shared/state/redis-state.ts'
import type { StateStore } from '#shared/state/store.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { testDatabase, type TestDatabase } from '#tests/services/test-database.ts'
import { testRedis } from '#tests/services/test-redis.ts'
import { NO_DATABASE, signal, type SigningSetting, signingSetting } from './setting.ts'

/** What a store does is tested on machines that are busy with other things. */
const PATIENT_MS = 4_000

const order = () => new Request('https://api.example.com/api/v1/orders', { method: 'POST', body: '{}' })
const read = () => new Request('https://api.example.com/api/v1/user')

/** How often each answer came when one signed request arrives a hundred times at once. */
async function hundredTimes(setting: SigningSetting, signed: Request, demand: 'optional' | 'required') {
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => setting.outcome(signed.clone(), { demand })),
  )
  return {
    accepted: answers.filter((answer) => answer === 'session k2').length,
    replayed: answers.filter((answer) => answer === 'request_replayed').length,
  }
}

const ONCE = { accepted: 1, replayed: 99 }

/** A state store that is down. */
const down = () => memoryState({ failing: true })

function databaseSuite(dialect: Dialect) {
  let made: TestDatabase
  let database: Database
  beforeAll(async () => {
    made = await testDatabase(dialect)
    database = openDatabase({ url: made.url, poolSize: 4, statementMs: PATIENT_MS })
  })
  afterAll(async () => {
    await database.close()
    await made.close()
  })

  test('of a hundred copies at once one passes, with a state store and without', async () => {
    const up = signingSetting({ database })
    const without = signingSetting({ database, state: down() })

    expect(await hundredTimes(up, await up.sign(order()), 'required')).toEqual(ONCE)
    expect(await hundredTimes(without, await without.sign(order()), 'required')).toEqual(ONCE)
    expect(await hundredTimes(without, await without.sign(order()), 'optional')).toEqual(ONCE)
  })

  test.each([
    ['POST', 'required'],
    ['PUT', 'optional'],
    ['DELETE', 'optional'],
  ] as const)(
    'a signed %s whose signature is %s stays used when the state store loses everything',
    async (method, demand) => {
      const states = { now: memoryState() as StateStore }
      const state: StateStore = { ...states.now, set: (...call) => states.now.set(...call) }
      const setting = signingSetting({ database, state })
      const signed = await setting.sign(new Request('https://api.example.com/api/v1/user', { method }))

      const first = await setting.outcome(signed, { demand })
      states.now = memoryState()
      const afterLoss = await setting.outcome(signed, { demand })
      states.now = down()
      const afterOutage = await setting.outcome(signed, { demand })

      expect([first, afterLoss, afterOutage]).toEqual(['session k2', 'request_replayed', 'request_replayed'])
    },
  )

  test('a write that was sent while the state store was down stays used when it is back', async () => {
    const state = memoryState({ failing: true })
    const setting = signingSetting({ database, state })
    const signed = await setting.sign(order())

    const first = await setting.outcome(signed, { demand: 'optional' })
    state.failing = false
    const afterOutage = await setting.outcome(signed, { demand: 'optional' })

    expect([first, afterOutage]).toEqual(['session k2', 'request_replayed'])
  })

  test('a partner’s write is used once, too', async () => {
    const setting = signingSetting({ database, state: down() })
    const signed = await setting.signAsPartner(order())
    const call = { demand: 'partner', session: async () => undefined } as const

    const answers = [await setting.outcome(signed, call), await setting.outcome(signed, call)]

    expect(answers).toEqual(['partner acme.k1', 'request_replayed'])
  })

  test('the same nonce of another session is another nonce', async () => {
    const setting = signingSetting({ database, state: down() })
    const use = { nonce: 'A'.repeat(22), call: 'write' } as const

    const fresh = [
      await setting.nonces.use({ ...use, owner: 's1' }, signal),
      await setting.nonces.use({ ...use, owner: 's2' }, signal),
      await setting.nonces.use({ ...use, owner: 's1' }, signal),
    ]

    expect(fresh).toEqual([true, true, false])
  })

  test('rows that no clock needs any more go, and only those', async () => {
    const setting = signingSetting({ database, state: down() })
    await (await database.sql()).deleteFrom('nonces').execute({ signal })
    const rows = async () => (await database.sql()).selectFrom('nonces').selectAll().execute({ signal })
    const send = async () => setting.outcome(await setting.sign(order()))

    await send()
    setting.advance(600_000)
    await send()
    const both = await rows()
    setting.advance(60_000)
    await send()
    const after = await rows()

    expect(both).toHaveLength(2)
    expect(after).toHaveLength(2)
    expect(Math.min(...after.map((row) => row.expires_at.getTime()))).toBeGreaterThan(setting.now())
  })
}

describe('a replay on PostgreSQL', () => databaseSuite('postgres'))
describeWith(['mariadb'], 'a replay on MariaDB', () => databaseSuite('mysql'))

describe('a replay with the state in PostgreSQL', () => {
  test('of a hundred copies at once one passes', async () => {
    const made = await testDatabase('postgres')
    const database = openDatabase({ url: made.url, poolSize: 4, statementMs: PATIENT_MS })
    const state = postgresState({ queries: database, operationMs: PATIENT_MS })
    const setting = signingSetting({ database, state })

    const optional = await hundredTimes(setting, await setting.sign(order()), 'optional')
    const required = await hundredTimes(setting, await setting.sign(order()), 'required')
    await database.close()
    await made.close()

    expect(optional).toEqual(ONCE)
    expect(required).toEqual(ONCE)
  })
})

describeWith(['redis'], 'a replay with the state in Redis', () => {
  test('of a hundred copies at once one passes', async () => {
    const redis = await testRedis()
    const state = redisState({ url: redis.url })
    const setting = signingSetting({ state })

    const writes = await hundredTimes(setting, await setting.sign(order()), 'optional')
    const reads = await hundredTimes(setting, await setting.sign(read()), 'required')
    await state.close()
    await redis.stop()

    expect(writes).toEqual(ONCE)
    expect(reads).toEqual(ONCE)
  })
})

describe('a replay', () => {
  test('is refused at every moment until the clock refuses it', async () => {
    for (const aheadS of [-300, 0, 300]) {
      const setting = signingSetting()
      setting.advance(aheadS * 1_000)
      const signed = await setting.sign(read())
      setting.advance(-aheadS * 1_000)
      const answers = [await setting.outcome(signed)]
      for (let second = 0; second <= 601; second += 1) {
        setting.advance(1_000)
        answers.push(await setting.outcome(signed))
      }

      expect(answers[0]).toBe('session k2')
      expect(new Set(answers.slice(1))).toEqual(
        new Set(aheadS === -300 ? ['clock_skew'] : ['request_replayed', 'clock_skew']),
      )
      expect(answers.at(-1)).toBe('clock_skew')
    }
  })

  test('of a forged request costs nothing: a nonce is spent by a good MAC alone', async () => {
    const state = memoryState()
    const setting = signingSetting({ state })
    const signed = await setting.sign(read())
    const forged = new Request(`${signed.url}?x=1`, { headers: signed.headers })

    const answers = [await setting.outcome(forged), await setting.outcome(signed)]

    expect(answers).toEqual(['signature_invalid', 'session k2'])
    expect(state.entries().size).toBe(1)
  })
})

describe('with the state store', () => {
  test('nobody asks the database about a read or a partner’s write', async () => {
    const setting = signingSetting({ database: NO_DATABASE })
    const partner = { demand: 'partner' } as const
    const [get, post] = [await setting.sign(read()), await setting.signAsPartner(order())]

    expect([await setting.outcome(get), await setting.outcome(get)]).toEqual([
      'session k2',
      'request_replayed',
    ])
    expect([await setting.outcome(post, partner), await setting.outcome(post, partner)]).toEqual([
      'partner acme.k1',
      'request_replayed',
    ])
  })
})

describe('without the state store', () => {
  test('a read rests on clock and MAC, and nobody asks the database', async () => {
    const setting = signingSetting({ state: down(), database: NO_DATABASE })
    const signed = await setting.sign(read())

    expect([await setting.outcome(signed), await setting.outcome(signed)]).toEqual([
      'session k2',
      'session k2',
    ])
  })

  test('it is logged, at most once a second', async () => {
    const setting = signingSetting({ state: down() })
    const lines = () => setting.lines.filter((line) => line.includes('"signing.degraded"')).length
    const seen: number[] = []

    for (const waitMs of [0, 0, 999, 1, 0]) {
      setting.advance(waitMs)
      await setting.outcome(await setting.sign(read()))
      seen.push(lines())
    }

    expect(seen).toEqual([1, 1, 1, 2, 2])
  })

  test('and without the database a write is refused as unavailable, never waved through', async () => {
    const database = await unreachable()
    const setting = signingSetting({ state: down(), database })

    const answers = [
      await setting.outcome(await setting.sign(order()), { demand: 'optional' }),
      await setting.outcome(await setting.sign(order())),
      await setting.outcome(await setting.signAsPartner(order()), { demand: 'partner' }),
    ]
    await database.close()

    expect(answers).toEqual(['unavailable', 'unavailable', 'unavailable'])
  })
})

describe('without the database', () => {
  test('a write of a session is refused as unavailable, while reads and partners’ writes go on', async () => {
    const database = await unreachable()
    const setting = signingSetting({ database })

    const answers = [
      await setting.outcome(await setting.sign(order()), { demand: 'optional' }),
      await setting.outcome(await setting.sign(order())),
      await setting.outcome(await setting.sign(read())),
      await setting.outcome(await setting.signAsPartner(order()), { demand: 'partner' }),
    ]
    await database.close()

    expect(answers).toEqual(['unavailable', 'unavailable', 'session k2', 'partner acme.k1'])
  })
})

/** A database at a port that nobody listens on. */
async function unreachable(): Promise<Database> {
  return openDatabase({ url: new URL(`postgres://nobody@127.0.0.1:${await freePort()}/none`), poolSize: 1 })
}
