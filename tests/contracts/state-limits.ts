import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { randomId } from '#shared/ids.ts'
import type { Consumption, Limit, StateStore } from '#shared/state/store.ts'
import { eventually } from '#tests/services/eventually.ts'

const never = new AbortController().signal
const HOUR_MS = 3_600_000
const MAX_COUNT = 2 ** 40

/** A limit of `size` that nothing is refilled of while a test runs, for each kind. */
const KINDS = {
  'token-bucket': (key: string, size: number): Limit => ({ key, burst: size, intervalMs: HOUR_MS }),
  'sliding-window': (key: string, size: number): Limit => ({
    kind: 'sliding-window',
    key,
    quota: size,
    windowMs: 100 * HOUR_MS,
  }),
  'fixed-window': (key: string, size: number): Limit => ({
    kind: 'fixed-window',
    key,
    quota: size,
    windowMs: 100 * HOUR_MS,
  }),
} as const

const NAMES = Object.keys(KINDS) as readonly (keyof typeof KINDS)[] // keys of the literal above

/** How every state store limits, kind by kind. `store` is asked for inside the tests. */
export function stateLimitsSuite(store: () => StateStore): void {
  const fresh = () => `test:${randomId()}`
  const take = async (...limits: readonly Limit[]) => (await store().consume({ limits }, never)).consumptions

  test.each(NAMES)('1000 calls on a %s of 100, many at once, admit exactly 100', async (kind) => {
    const limit = KINDS[kind](fresh(), 100)
    // Lines that each wait for their own answers: all at once, some would pass the store's own limit of time.
    const answers: Consumption[] = []
    const line = async () => {
      for (let at = 0; at < 50; at += 1) answers.push(...(await take(limit)))
    }
    await Promise.all(Array.from({ length: 20 }, line))

    expect(answers).toHaveLength(1000)
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(100)
  })

  test.each(NAMES)('a %s says what remains, and refuses more than that', async (kind) => {
    const limit = KINDS[kind](fresh(), 5)

    const [first] = await take({ ...limit, cost: 3 })
    const [refused] = await take({ ...limit, cost: 3 })
    const [second] = await take({ ...limit, cost: 2 })

    expect(first).toMatchObject({ allowed: true, remaining: 2, retryAfterMs: 0 })
    expect(first?.resetMs).toBeGreaterThan(0)
    expect(refused).toMatchObject({ allowed: false, remaining: 2 })
    expect(refused?.retryAfterMs).toBeGreaterThan(0)
    expect(second).toMatchObject({ allowed: true, remaining: 0 })
  })

  test.each(NAMES)('a cost of 0 looks at a %s without taking, even when nothing is left', async (kind) => {
    const limit = KINDS[kind](fresh(), 1)

    const [before] = await take({ ...limit, cost: 0 })
    await take(limit)
    const [after] = await take({ ...limit, cost: 0 })

    expect(before).toEqual({ allowed: true, remaining: 1, retryAfterMs: 0, resetMs: 0 })
    expect(after).toMatchObject({ allowed: true, remaining: 0, retryAfterMs: 0 })
  })

  test.each(NAMES)('a cost above the whole %s is never granted', async (kind) => {
    const [answer] = await take({ ...KINDS[kind](fresh(), 2), cost: 3 })

    expect(answer).toMatchObject({ allowed: false, remaining: 2 })
    expect(answer?.retryAfterMs).toBeGreaterThan(0)
  })

  test.each([
    ['token-bucket', { burst: 2, intervalMs: 300 }],
    ['sliding-window', { kind: 'sliding-window', quota: 2, windowMs: 300 }],
    ['fixed-window', { kind: 'fixed-window', quota: 2, windowMs: 300 }],
  ] as const)('a call that a %s refused succeeds after its time, and not before', async (_, measures) => {
    const limit = { ...measures, key: fresh() }
    let startedAt = 0
    const refusal = await eventually(
      async () => {
        startedAt = performance.now()
        const [answer] = await take(limit)
        return answer?.allowed === false && answer
      },
      { withinMs: 2_000 },
    )

    let [answer] = await take(limit)
    while (answer?.allowed === false) [answer] = await take(limit)

    // From before the refused call until after the granted one; milliseconds are rounded up.
    expect(performance.now() - startedAt).toBeGreaterThan(refusal.retryAfterMs - 2)
    expect(answer).toMatchObject({ allowed: true })
    expect(refusal.retryAfterMs).toBeLessThanOrEqual(600)
  })

  test('limits of all kinds are taken together or not at all', async () => {
    const tag = `{${fresh()}}`
    const limits = NAMES.map((kind) => KINDS[kind](`${tag}:${kind}`, 3))
    const narrow = KINDS['fixed-window'](`${tag}:narrow`, 1)

    const granted = await take(...limits, narrow)
    const refused = await take(narrow, ...limits)
    const left = await take(...limits)

    expect(granted.map(({ remaining }) => remaining)).toEqual([2, 2, 2, 0])
    expect(refused.map(({ allowed }) => allowed)).toEqual([false, true, true, true])
    expect(refused.map(({ remaining }) => remaining)).toEqual([0, 2, 2, 2])
    expect(left.map(({ remaining }) => remaining)).toEqual([1, 1, 1])
  })

  test('limits without a common hash tag are taken together or not at all, too', async () => {
    const limits = NAMES.map((kind) => KINDS[kind](fresh(), 3))
    const narrow = KINDS['token-bucket'](fresh(), 1)

    const granted = await take(...limits, narrow)
    const refused = await take(...limits, narrow)
    const first = await take(narrow, ...limits)
    const left = await take(...limits)

    expect(granted.map(({ remaining }) => remaining)).toEqual([2, 2, 2, 0])
    expect(refused.map(({ allowed }) => allowed)).toEqual([true, true, true, false])
    expect(refused.map(({ remaining }) => remaining)).toEqual([2, 2, 2, 0])
    expect(first.map(({ remaining }) => remaining)).toEqual([0, 2, 2, 2])
    expect(left.map(({ remaining }) => remaining)).toEqual([1, 1, 1])
  })

  test('400 calls over limits without a common hash tag never admit more than any of them holds', async () => {
    const limits = NAMES.map((kind, at) => KINDS[kind](fresh(), 60 + at))
    const narrow = KINDS['sliding-window'](fresh(), 30)
    let granted = 0
    const line = async (at: number) => {
      for (let call = 0; call < 20; call += 1) {
        const answer = await take(...(at % 2 === 0 ? [...limits, narrow] : [narrow, ...limits.toReversed()]))
        if (answer.every(({ allowed }) => allowed)) granted += 1
      }
    }

    await Promise.all(Array.from({ length: 20 }, (_, at) => line(at)))
    const left = await take(...[...limits, narrow].map((limit) => ({ ...limit, cost: 0 })))

    expect(granted).toBe(30)
    // What was given back is there again: nothing is lost to refused calls but the part of a bucket's unit that was
    // refilled in the meantime.
    const [bucket, ...windows] = left.map(({ remaining }) => remaining)
    expect([29, 30]).toContain(bucket)
    expect(windows).toEqual([31, 32, 0])
  })

  test('a window nobody fills counts exactly, and gigantic costs too', async () => {
    const counter: Limit = { kind: 'sliding-window', key: fresh(), quota: MAX_COUNT, windowMs: 200 * HOUR_MS }

    const costs = [1, 2 ** 39, 7, 0, 2 ** 39 - 8]
    const remaining: (number | undefined)[] = []
    for (const cost of costs) remaining.push((await take({ ...counter, cost }))[0]?.remaining)

    expect(remaining).toEqual([2 ** 40 - 1, 2 ** 39 - 1, 2 ** 39 - 8, 2 ** 39 - 8, 0])
  })

  test('a key that held a limit of another kind starts anew', async () => {
    const key = fresh()

    const remaining: (number | undefined)[] = []
    for (const kind of [...NAMES, ...NAMES]) remaining.push((await take(KINDS[kind](key, 9)))[0]?.remaining)

    // Both windows keep the same counts: going from one to the other is a change of weight, not of what was taken.
    expect(remaining).toEqual([8, 8, 7, 8, 8, 7])
  })

  test('a limit that was made smaller locks nobody out for longer than its own time', async () => {
    const key = fresh()
    await take({ key, burst: 1_000, intervalMs: HOUR_MS, cost: 1_000 })

    const [refused] = await take({ key, burst: 10, intervalMs: 1_000 })

    expect(refused).toMatchObject({ allowed: false, remaining: 0 })
    expect(refused?.retryAfterMs).toBeLessThanOrEqual(1_000)
  })

  test('further keys are read in the same call, wherever they are, whether it is allowed or not', async () => {
    const tag = `{${fresh()}}`
    const [beside, absent, elsewhere] = [`${tag}:epoch`, `${tag}:absent`, fresh()]
    await store().set(beside, '小函', { ttlMs: 60_000 }, never)
    await store().set(elsewhere, '', { ttlMs: 60_000 }, never)
    const limits = [KINDS['token-bucket'](`${tag}:limit`, 1), KINDS['fixed-window'](fresh(), 9)]
    const alsoGet = [absent, elsewhere, beside, beside]

    const granted = await store().consume({ limits, alsoGet }, never)
    const refused = await store().consume({ limits, alsoGet }, never)

    expect(granted.values).toEqual([undefined, '', '小函', '小函'])
    expect(granted.consumptions.map(({ allowed }) => allowed)).toEqual([true, true])
    expect(refused.values).toEqual(granted.values)
    expect(refused.consumptions.map(({ allowed }) => allowed)).toEqual([false, true])
  })

  test('whatever is asked, answers are what a limit of that size and those costs can give', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...NAMES),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat(6), { maxLength: 12 }),
        async (kind, size, costs) => {
          const limit = KINDS[kind](fresh(), size)
          let left = size

          for (const cost of costs) {
            const [answer] = await take({ ...limit, cost })
            const fits = cost <= left
            if (fits) left -= cost
            expect(answer).toMatchObject({ allowed: fits, remaining: left })
            expect(answer?.retryAfterMs === 0).toBe(fits)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test.each([
    ['a quota of 0', { quota: 0, windowMs: 1 }],
    ['a quota above 2 ** 40', { quota: 2 ** 40 + 1, windowMs: 1 }],
    ['a window of 0', { quota: 1, windowMs: 0 }],
    ['a window of a month', { quota: 1, windowMs: 31 * 24 * HOUR_MS }],
    ['part of a unit', { quota: 1, windowMs: 1, cost: 0.5 }],
  ])('%s is refused as our own mistake', async (_, measures) => {
    await expect(take({ kind: 'fixed-window', key: 'k', ...measures })).rejects.toThrow(RangeError)
  })
}
