import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import * as v from 'valibot'
import { PolicySchema, type Policy } from '#shared/limit-policy.ts'
import { createLimiter, type Check } from '#shared/rate-limit/limiter.ts'
import type { ConsumeRequest } from '#shared/state/store.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'

const never = new AbortController().signal
const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const

function policy(measures: Partial<v.InferInput<typeof PolicySchema>> = {}): Policy {
  return v.parse(PolicySchema, { quota: 3, windowS: 60, by: ['user'], ...measures })
}

function check(more: Partial<Check> = {}): Check {
  return { name: 'profile', policy: policy(), subject: { user: 'u1' }, ...more }
}

/** A limiter over a store that counts what it is asked, its clock, and what was logged. */
function opened({ instances = 1 } = {}) {
  const clock = { nowMs: 1_795_000_020_000 } // the start of a minute
  const now = () => clock.nowMs
  const state = memoryState({ clock: now })
  const asked: ConsumeRequest[] = []
  const lines: { event: string; count: number; policies: string[] }[] = []
  const counting = {
    ...state,
    async consume(request: ConsumeRequest, signal: AbortSignal) {
      asked.push(request)
      return state.consume(request, signal)
    },
  }
  const logger = createLogger({ clock: now, write: (line) => void lines.push(JSON.parse(line)) })
  const limiter = createLimiter({ state: counting, clock: now, logger, instances })
  const ask = (...checks: readonly Check[]) => limiter.check({ checks }, never)
  const keys = () => asked.flatMap(({ limits }) => limits.map(({ key }) => key))
  return { clock, state, limiter, ask, asked, keys, lines }
}

describe('limits by policy', () => {
  test.each(ALGORITHMS)(
    'a %s admits its quota, then refuses until there is room again',
    async (algorithm) => {
      const { ask, clock } = opened()
      const one = check({ policy: policy({ algorithm }) })

      const admitted = [await ask(one), await ask(one), await ask(one)]
      const refused = await ask(one)
      const waitMs = refused.results[0]?.retryAfterMs ?? 0
      clock.nowMs += waitMs - 1
      const early = await ask(one)
      clock.nowMs += 1
      const inTime = await ask(one)

      expect(admitted.map(({ allowed, results }) => [allowed, results[0]?.remaining])).toEqual([
        [true, 2],
        [true, 1],
        [true, 0],
      ])
      expect(refused).toMatchObject({ allowed: false, degraded: [], unavailable: false })
      expect([early.allowed, inTime.allowed]).toEqual([false, true])
    },
  )

  test('a burst is what a bucket holds, whatever its rate', async () => {
    const { ask } = opened()
    const one = check({ policy: policy({ quota: 60, burst: 2 }) })

    const answers = [await ask(one), await ask(one), await ask(one)]

    expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, false])
    expect(answers[2]?.results[0]?.retryAfterMs).toBe(1_000)
  })

  test('several limits are taken together or not at all', async () => {
    const { ask } = opened()
    const wide = check({
      name: 'wide',
      policy: policy({ quota: 10, by: ['ip'] }),
      subject: { ip: '1.2.3.4' },
    })
    const narrow = check({ name: 'narrow', policy: policy({ quota: 1, algorithm: 'fixed-window' }) })

    await ask(wide, narrow)
    const refused = await ask(wide, narrow)
    const [left] = (await ask({ ...wide, cost: 0 })).results

    expect(refused.allowed).toBe(false)
    expect(refused.results.map(({ name, allowed, remaining }) => [name, allowed, remaining])).toEqual([
      ['wide', true, 9],
      ['narrow', false, 0],
    ])
    expect(left?.remaining).toBe(9)
  })

  test('without checks it only reads, and without keys to read it asks nobody', async () => {
    const { limiter, state, asked } = opened()
    await state.set('k', 'v', { ttlMs: 1_000 }, never)

    const read = await limiter.check({ checks: [], alsoGet: ['k', 'other'] }, never)
    state.failing = true
    const nothing = await limiter.check({ checks: [] }, never)

    expect(read).toMatchObject({ allowed: true, results: [], values: ['v', undefined] })
    expect(nothing).toMatchObject({ allowed: true, values: [], unavailable: false })
    expect(asked).toEqual([])
  })

  test('further keys are read in the call that takes', async () => {
    const { limiter, state, asked } = opened()
    await state.set('{u:u1}:ep', '7', { ttlMs: 1_000 }, never)

    const answer = await limiter.check({ checks: [check()], alsoGet: ['{u:u1}:ep'] }, never)

    expect(answer.values).toEqual(['7'])
    expect(asked).toHaveLength(1)
  })

  test.each([
    ['a bucket', { quota: 1, windowS: 604_800 }],
    ['a window', { quota: 1, windowS: 604_800, algorithm: 'sliding-window' as const }],
  ])('a cost far above %s is refused like any other', async (_, measures) => {
    const { ask } = opened()

    const answer = await ask(check({ policy: policy(measures), cost: 1_000_000 }))

    expect(answer.allowed).toBe(false)
  })
})

describe('policies', () => {
  test.each([
    ['a bucket faster than its clock', { quota: 1_000_000, windowS: 1 }],
    ['a bucket that takes a lifetime to fill', { quota: 1, windowS: 604_800, burst: 1_000_000 }],
    ['half a unit', { quota: 0.5 }],
    ['a window of a month', { windowS: 2_592_000 }],
    ['no key', { by: [] }],
  ])('%s is refused', (_, measures) => {
    expect(v.safeParse(PolicySchema, { quota: 3, windowS: 60, by: ['user'], ...measures }).success).toBe(
      false,
    )
  })

  test('whatever policy is accepted can be checked, at any cost', () => {
    const measures = fc.record({
      algorithm: fc.constantFrom(...ALGORITHMS),
      quota: fc.integer({ min: 1, max: 1e9 }),
      windowS: fc.integer({ min: 1, max: 604_800 }),
      burst: fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: undefined }),
    })

    return fc.assert(
      fc.asyncProperty(measures, fc.nat(1e9), async (measures, cost) => {
        const parsed = v.safeParse(PolicySchema, { ...measures, by: ['user'] })
        fc.pre(parsed.success)

        const { ask } = opened()
        const { allowed } = await ask(check({ policy: parsed.output, cost }))

        const { algorithm, quota, burst = quota } = parsed.output
        expect(allowed).toBe(cost <= (algorithm === 'token-bucket' ? burst : quota))
      }),
    )
  })
})

describe('keys of limits', () => {
  test('a limit of a user stands beside everything else about the user, others with their first part', async () => {
    const { ask, keys } = opened()
    const subject = { user: 'u1', ip: '1.2.3.4', device: 'd', route: 'GET', tenant: 't' }

    await ask(
      check({ subject, policy: policy({ by: ['ip', 'user', 'route'] }) }),
      check({ subject, policy: policy({ by: ['ip', 'device'] }) }),
      check({ subject, policy: policy({ by: ['tenant'] }) }),
    )

    expect(keys()).toEqual([
      '{u:u1}:rl:profile@3/60/3;ip=1.2.3.4;route=GET',
      '{ip:1.2.3.4}:rl:profile@3/60/3;device=d',
      '{tenant:t}:rl:profile@3/60/3',
    ])
  })

  test.each([
    ['a higher quota', { quota: 4 }, true],
    ['a larger burst', { burst: 5 }, true],
    ['a shorter window', { windowS: 30 }, true],
    ['another algorithm', { algorithm: 'sliding-window' }, true],
    ['another word on outages', { onStoreError: 'deny' }, false],
  ] as const)(
    'of an exhausted policy, %s decides whether the next call passes',
    async (_, change, passes) => {
      const { ask } = opened()
      for (let at = 0; at < 4; at += 1) await ask(check())

      const changed = await ask(check({ policy: policy(change) }))

      expect(changed.allowed).toBe(passes)
    },
  )

  test('a policy with a lower quota holds at once, and its windows of either kind count for themselves', async () => {
    const { ask, keys } = opened()
    const lower = check({ policy: policy({ quota: 1 }) })
    await ask(check())

    const answers = [await ask(lower), await ask(lower)]
    for (const algorithm of ['sliding-window', 'fixed-window'] as const)
      await ask(check({ policy: policy({ algorithm }) }))

    expect(answers.map(({ allowed }) => allowed)).toEqual([true, false])
    expect(keys().slice(-2)).toEqual(['{u:u1}:rl:profile@3/60s', '{u:u1}:rl:profile@3/60f'])
  })

  test.each(['}{', 'x'.repeat(10_000), '', 'a b', '小函', 'a;ip=b', '\u0000'])(
    'the value %j becomes a short hash of its own',
    async (device) => {
      const { ask, keys } = opened()
      const by = policy({ by: ['device'] })

      await ask(check({ policy: by, subject: { device } }))
      await ask(check({ policy: by, subject: { device: `${device}.` } }))

      expect(keys()[0]).toMatch(/^\{device:#[\w-]{22}\}:rl:profile@3\/60\/3$/)
      expect(keys()[1]).not.toBe(keys()[0])
    },
  )

  test('no two subjects share a key', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', ':', ';', '=', '}', '#') }))

    return fc.assert(
      fc.asyncProperty(text, text, text, text, async (ip, device, otherIp, otherDevice) => {
        const { ask, keys } = opened()
        const by = policy({ by: ['ip', 'device'] })

        await ask(check({ policy: by, subject: { ip, device } }))
        await ask(check({ policy: by, subject: { ip: otherIp, device: otherDevice } }))

        expect(keys()[0] === keys()[1]).toBe(ip === otherIp && device === otherDevice)
      }),
    )
  })
})

describe('what an instance knows to be refused', () => {
  test('is refused without asking the store, with the time that is left', async () => {
    const { ask, asked, clock } = opened()
    const other = check({ name: 'other', policy: policy({ quota: 9 }) })
    for (let at = 0; at < 4; at += 1) await ask(check(), other)
    const before = asked.length

    clock.nowMs += 5_000
    const answer = await ask(check(), other)

    expect(asked).toHaveLength(before)
    expect(answer).toMatchObject({ allowed: false, values: undefined, degraded: [], unavailable: false })
    expect(answer.results).toMatchObject([
      { name: 'profile', allowed: false, remaining: 0, retryAfterMs: 15_000 },
      { name: 'other', allowed: true, remaining: 6, retryAfterMs: 0 },
    ])
  })

  test('still lets a smaller cost ask, and a look', async () => {
    const { ask, asked } = opened()
    await ask(check({ cost: 2 }))
    await ask(check({ cost: 2 }))
    const before = asked.length

    const bigger = await ask(check({ cost: 3 }))
    const look = await ask(check({ cost: 0 }))
    const smaller = await ask(check({ cost: 1 }))

    expect(bigger.allowed).toBe(false)
    expect([look.allowed, smaller.allowed]).toEqual([true, true])
    expect(asked).toHaveLength(before + 2)
  })

  test.each([{ quota: 4 }, { windowS: 30 }, { burst: 9 }, { algorithm: 'fixed-window' as const }])(
    'is not asked of a policy that was changed: %j',
    async (changed) => {
      const { ask, asked } = opened()
      for (let at = 0; at < 4; at += 1) await ask(check())
      const before = asked.length

      await ask(check({ policy: policy(changed) }))

      expect(asked).toHaveLength(before + 1)
    },
  )

  test('is never refused when the store would have allowed it', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ALGORITHMS),
        fc.array(fc.tuple(fc.nat(4), fc.nat(40_000)), { maxLength: 30 }),
        async (algorithm, calls) => {
          const known = opened()
          const always = opened()
          const one = check({ policy: policy({ algorithm }) })

          for (const [cost, waitMs] of calls) {
            known.clock.nowMs += waitMs
            always.clock.nowMs += waitMs
            const answer = await known.ask({ ...one, cost })
            // A limiter that has seen nothing yet asks its store each time.
            const fresh = createLimiter({
              state: always.state,
              clock: () => always.clock.nowMs,
              logger: createLogger({ write: () => {} }),
            })
            const expected = await fresh.check({ checks: [{ ...one, cost }] }, never)

            expect(answer.allowed).toBe(expected.allowed)
          }
        },
      ),
    ))

  test('is forgotten when the clock was set back', async () => {
    const { ask, asked, clock } = opened()
    for (let at = 0; at < 4; at += 1) await ask(check())
    const before = asked.length

    clock.nowMs -= 3_600_000
    await ask(check())

    expect(asked).toHaveLength(before + 1)
  })

  test('is no more than ten thousand keys', async () => {
    const { ask, asked } = opened()
    const full = (user: string) => check({ subject: { user }, cost: 4 })
    for (let at = 0; at <= 10_000; at += 1) await ask(full(`u${at}`))
    const before = asked.length

    await ask(full('u10000'))
    await ask(full('u0'))

    expect(asked).toHaveLength(before + 1)
  }, 20_000)
})

describe('while the store is down', () => {
  test('a policy counts in the instance, by its share of the limit', async () => {
    const { ask, state } = opened({ instances: 2 })
    state.failing = true
    const one = check({ policy: policy({ quota: 6 }) })

    const answers = [await ask(one), await ask(one), await ask(one), await ask(one)]

    expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, true, false])
    expect(answers[3]).toMatchObject({ degraded: ['profile'], unavailable: false, values: undefined })
    expect(answers[3]?.results[0]?.retryAfterMs).toBe(20_000)
  })

  test.each(ALGORITHMS)('a share of a %s is at least one', async (algorithm) => {
    const { ask, state } = opened({ instances: 50 })
    state.failing = true
    const one = check({ policy: policy({ algorithm }) })

    expect([(await ask(one)).allowed, (await ask(one)).allowed]).toEqual([true, false])
  })

  test('several local limits are taken together or not at all', async () => {
    const { ask, state } = opened()
    state.failing = true
    const narrow = check({ name: 'narrow', policy: policy({ quota: 1 }) })

    await ask(check(), narrow)
    const refused = await ask(check(), narrow)

    expect(refused.results.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 2],
      [false, 0],
    ])
  })

  test('a policy may leave it to the store alone, and nothing else is taken then', async () => {
    const { ask, state } = opened()
    state.failing = true
    const login = check({ name: 'login', policy: policy({ onStoreError: 'deny' }) })

    const refused = await ask(check(), login)
    const after = await ask(check())

    expect(refused).toMatchObject({ allowed: false, unavailable: true, degraded: ['profile', 'login'] })
    expect(refused.results.map(({ allowed }) => allowed)).toEqual([true, false])
    expect(after.results[0]?.remaining).toBe(2)
  })

  test('a policy may let everybody pass', async () => {
    const { ask, state } = opened()
    state.failing = true
    const read = check({ policy: policy({ onStoreError: 'allow', quota: 1 }) })

    const answers = [await ask(read), await ask(read)]

    expect(answers.map(({ allowed, unavailable }) => [allowed, unavailable])).toEqual([
      [true, false],
      [true, false],
    ])
  })

  test('the store decides again as soon as it is back', async () => {
    const { ask, state } = opened()
    state.failing = true
    for (let at = 0; at < 4; at += 1) await ask(check())
    state.failing = false

    expect(await ask(check())).toMatchObject({ allowed: true, degraded: [] })
  })

  test('it is logged at once, then at most once a second, and told once when it is over', async () => {
    const { ask, state, clock, lines } = opened()
    state.failing = true

    await ask(check())
    await ask(check({ name: 'b' }))
    await ask(check({ name: 'a' }))
    clock.nowMs += 999
    await ask(check({ name: 'a' }))
    clock.nowMs += 1
    await ask(check({ name: 'c' }), check({ name: 'd' }))
    await ask(check({ name: 'e' }))
    state.failing = false
    clock.nowMs += 1_000
    await ask(check({ name: 'f' }))
    await ask(check({ name: 'f' }))

    const all = { policies: ['a', 'b', 'c', 'd', 'profile'], since: '2026-11-18T11:07:00.000Z' }
    const causes = ['Fault: unavailable', 'Error: The state store is down']
    expect(lines).toEqual([
      expect.objectContaining({
        event: 'rate_limit.degraded',
        ...all,
        count: 1,
        policies: ['profile'],
        causes,
      }),
      expect.objectContaining({ event: 'rate_limit.degraded', ...all, count: 5, causes }),
      expect.objectContaining({
        level: 'info',
        event: 'rate_limit.recovered',
        count: 6,
        policies: ['a', 'b', 'c', 'd', 'e', 'profile'],
        since: all.since,
        lastAt: '2026-11-18T11:07:01.000Z',
        lastedMs: 1_000,
      }),
    ])
  })

  test('a store that answers in between is not told as recovered, nor is one that nobody asked', async () => {
    const { ask, limiter, state, clock, lines } = opened()

    state.failing = true
    await ask(check())
    state.failing = false
    clock.nowMs += 999
    await ask(check())
    state.failing = true
    await ask(check())
    clock.nowMs += 60_000
    await limiter.check({ checks: [] }, never)

    expect(lines.map(({ event, count }) => [event, count])).toEqual([['rate_limit.degraded', 1]])
  })

  test('an error of ours is no outage', async () => {
    const { ask } = opened()

    await expect(ask(check(), check())).rejects.toThrow(RangeError)
  })
})
