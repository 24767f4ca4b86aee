import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Database, Dialect } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { leaseMessages, type OutboxRow, settleMessages } from '#shared/db/tables/outbox.ts'
import { Fault } from '#shared/errors.ts'
import { CallError } from '#shared/outbound/call-error.ts'
import { type Deliver, drain, type DrainOptions } from '#shared/outbox/drain.ts'
import { drainTogether } from '#shared/outbox/drain-together.ts'
import { enqueue } from '#shared/outbox/enqueue.ts'
import { sweepOutbox } from '#shared/outbox/sweep-outbox.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { eventually } from '#tests/services/eventually.ts'
import { testDatabase } from '#tests/services/test-database.ts'

const never = new AbortController().signal

describe('the outbox on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'the outbox on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let database: Database
  let close: () => Promise<void>
  let nowMs = Date.UTC(2026, 10, 23, 12)
  let log: string[]
  beforeEach(async () => {
    const own = await testDatabase(dialect)
    database = openDatabase({ url: new URL(own.url), poolSize: 4, clock: () => nowMs })
    log = []
    close = async () => {
      await database.close()
      await own.close()
    }
  })
  afterEach(() => close())

  async function enqueued(count: number, target = 'shop'): Promise<void> {
    const sql = await database.sql()
    const messages = Array.from({ length: count }, (_, number) => ({
      topic: 'order.paid',
      target,
      payload: { number },
    }))
    await sql
      .transaction()
      .execute((own) => enqueue(own, messages, { now: new Date(nowMs), requestId: 'r-1', signal: never }))
  }

  function options(shop: Deliver, more: Partial<DrainOptions> = {}): DrainOptions {
    const logger = createLogger({ level: 'debug', clock: () => nowMs, write: (line) => log.push(line) })
    const schedule = { waitsS: [10, 60], random: () => 0.5 }
    return { database, clock: () => nowMs, logger, targets: { shop }, schedule, ...more }
  }

  async function rows(): Promise<OutboxRow[]> {
    return (await database.sql()).selectFrom('outbox').selectAll().orderBy('id').execute()
  }

  test('every message is delivered, with its id, topic and payload', async () => {
    await enqueued(120)
    const seen: OutboxRow[] = []

    const drained = await drain(
      options(async (message) => void seen.push(message)),
      never,
    )

    expect(drained).toEqual({ done: 120, failed: 0, dead: 0 })
    expect(seen.map(({ payload }) => JSON.parse(payload).number).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 120 }, (_, number) => number),
    )
    expect(new Set((await rows()).map(({ state }) => state))).toEqual(new Set(['done']))
    expect(
      await drain(
        options(async () => {}),
        never,
      ),
    ).toEqual({ done: 0, failed: 0, dead: 0 })
  })

  test('a message of a transaction that fails is never there', async () => {
    const sql = await database.sql()

    const failed = sql.transaction().execute(async (own) => {
      await enqueue(own, [{ topic: 'a', target: 'shop', payload: 1 }], {
        now: new Date(nowMs),
        signal: never,
      })
      throw new Error('rolled back')
    })

    await expect(failed).rejects.toThrow('rolled back')
    expect(await rows()).toEqual([])
  })

  test('eight drains at once deliver each message once', async () => {
    await enqueued(400)
    const seen = new Map<string, number>()
    const shop: Deliver = async ({ id }) => void seen.set(id, (seen.get(id) ?? 0) + 1)

    await Promise.all(Array.from({ length: 8 }, () => drain(options(shop, { batch: 20 }), never)))

    expect(seen.size).toBe(400)
    expect(Math.max(...seen.values())).toBe(1)
    expect((await rows()).every(({ state }) => state === 'done')).toBe(true)
  })

  test('what its host was not even called for uses up no attempt', async () => {
    await enqueued(1)
    const refused = new Fault('unavailable', {
      cause: new CallError('shop', 'circuit open', 'never'),
      retryAfterS: 2,
    })
    let isOpen = true
    const shop: Deliver = async () => {
      if (isOpen) throw refused
    }

    for (let round = 0; round < 5; round++) {
      await drain(options(shop), never)
      nowMs += 10_000
    }
    const waiting = await rows()
    isOpen = false
    await drain(options(shop), never)

    expect(waiting).toMatchObject([
      { state: 'waiting', attempts: 0, last_error: 'Cannot call shop: circuit open' },
    ])
    expect(await rows()).toMatchObject([{ state: 'done', attempts: 1 }])
  })

  test('what fails is tried again after 10 and 60 seconds, then it is dead, and says why', async () => {
    await enqueued(1)
    const attempts: number[] = []
    const shop: Deliver = async () => {
      attempts.push(nowMs)
      throw new Fault('upstream_failed', { cause: new Error('HTTP 500') })
    }
    const startMs = nowMs

    const first = await drain(options(shop), never)
    nowMs += 9_999
    const early = await drain(options(shop), never)
    nowMs += 1
    await drain(options(shop), never)
    nowMs += 60_000
    const last = await drain(options(shop), never)
    nowMs += 3_600_000
    await drain(options(shop), never)

    expect([first, early, last].map(({ failed, dead }) => [failed, dead])).toEqual([
      [1, 0],
      [0, 0],
      [0, 1],
    ])
    expect(attempts.map((at) => (at - startMs) / 1_000)).toEqual([0, 10, 70])
    expect(await rows()).toMatchObject([{ state: 'dead', attempts: 3, last_error: 'HTTP 500' }])
    expect(
      log.filter((line) => line.includes('outbox.dead') && line.includes('"requestId":"r-1"')),
    ).toHaveLength(1)
  })

  test('the receiver may ask for more time', async () => {
    await enqueued(1)

    await drain(
      options(async () => {
        throw new Fault('upstream_failed', { retryAfterS: 120 })
      }),
      never,
    )

    expect((await rows()).map(({ due_at: at }) => (at.getTime() - nowMs) / 1_000)).toEqual([120])
  })

  test('who dies in a delivery has the message delivered again a minute later', async () => {
    await enqueued(1)
    const sql = await database.sql()
    const lease = { now: new Date(nowMs), until: new Date(nowMs + 60_000), limit: 10, targets: ['shop'] }
    await leaseMessages({ sql, dialect }, lease, never) // and dies
    const seen: string[] = []
    const shop: Deliver = async ({ id }) => void seen.push(id)

    nowMs += 59_999
    await drain(options(shop), never)
    const meanwhile = seen.length
    nowMs += 1
    await drain(options(shop), never)

    expect([meanwhile, seen.length]).toEqual([0, 1])
    expect(await rows()).toMatchObject([{ state: 'done', attempts: 2 }])
  })

  test('who comes back late changes nothing any more', async () => {
    await enqueued(1)
    const sql = await database.sql()
    const lease = () => ({
      now: new Date(nowMs),
      until: new Date(nowMs + 60_000),
      limit: 10,
      targets: ['shop'],
    })
    const late = await leaseMessages({ sql, dialect }, lease(), never)
    nowMs += 60_000
    await leaseMessages({ sql, dialect }, lease(), never)

    await settleMessages(sql, late, { state: 'dead', last_error: 'too late', done_at: null }, never)

    expect(await rows()).toMatchObject([{ state: 'waiting', last_error: null, lease_epoch: 2 }])
  })

  test('a message for somebody unknown here waits for who knows them, and uses up no attempt', async () => {
    await enqueued(1, 'constructor')
    await enqueued(1)

    const drained = await drain(
      options(async () => {}),
      never,
    )

    expect(drained).toEqual({ done: 1, failed: 0, dead: 0 })
    expect((await rows()).find(({ target }) => target === 'constructor')).toMatchObject({
      state: 'waiting',
      attempts: 0,
    })
  })

  test('what has arrived when the time is over is not delivered again', async () => {
    await enqueued(2)
    const over = new AbortController()
    let calls = 0
    const shop: Deliver = async (_message, signal) => {
      calls += 1
      if (calls === 1) return
      over.abort(new Error('the time is over'))
      signal.throwIfAborted()
    }

    await drain(options(shop), over.signal)

    expect((await rows()).map(({ state }) => state).toSorted()).toEqual(['done', 'waiting'])
  })

  test('what has arrived is kept before the slowest of its batch', async () => {
    await enqueued(20)
    let calls = 0
    let answer: () => void = () => {}
    const slow = new Promise<void>((resolve) => (answer = resolve))
    const shop: Deliver = () => ((calls += 1) === 1 ? slow : Promise.resolve())

    const draining = drain(options(shop), never)
    const states = async () => (await rows()).map(({ state }) => state).toSorted()
    const others = [...Array.from({ length: 19 }, () => 'done'), 'waiting']
    await eventually(async () => (await states()).join() === others.join(), { withinMs: 5_000 })
    answer()

    expect(await draining).toEqual({ done: 20, failed: 0, dead: 0 })
  })

  test('what arrived is forgotten after thirty days, what is dead is not', async () => {
    await enqueued(2_100)
    await drain(
      options(async () => {}),
      never,
    )
    await enqueued(1)
    const sql = await database.sql()
    await sql.updateTable('outbox').set({ state: 'dead' }).where('state', '=', 'waiting').execute()

    const young = await sweepOutbox({ database, clock: () => nowMs + 29 * 86_400_000 }, never)
    const old = await sweepOutbox({ database, clock: () => nowMs + 31 * 86_400_000 }, never)

    expect([young, old]).toEqual([0, 2_100])
    expect((await rows()).map(({ state }) => state)).toEqual(['dead'])
  })

  test('who asks while a drain is under way has its message delivered by the next one, which all share', async () => {
    await enqueued(1)
    let drains = 0
    const counted = { ...database, sql: () => ((drains += 1), database.sql()) }
    const seen: string[] = []
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const shop: Deliver = async ({ id }) => {
      seen.push(id)
      await held
    }
    const deliver = drainTogether(options(shop, { database: counted }))
    const first = deliver(never)
    await eventually(async () => seen.length === 1, { withinMs: 5_000 })

    await enqueued(1)
    const later = Array.from({ length: 20 }, () => deliver(never))
    release()
    await Promise.all([first, ...later])

    // Each asks for the query builder twice: to lease, and to keep what came of it.
    expect([seen.length, drains]).toEqual([2, 4])
    expect((await rows()).map(({ state }) => state)).toEqual(['done', 'done'])
  })

  test('a caller who goes away leaves the drain to the others, and one that failed keeps nobody', async () => {
    const away = new AbortController()
    let failing = true
    const broken = { ...database, sql: () => (failing ? Promise.reject(new Error('down')) : database.sql()) }
    const deliver = drainTogether(options(async () => {}, { database: broken }))

    await expect(deliver(never)).rejects.toThrow('down')
    failing = false
    await enqueued(1)
    const both = [deliver(away.signal), deliver(never)] as const
    away.abort(new Error('gone'))

    await expect(both[0]).rejects.toThrow('gone')
    await both[1]
    expect(await rows()).toMatchObject([{ state: 'done' }])
  })
}
