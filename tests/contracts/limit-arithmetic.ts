import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { randomId } from '#shared/ids.ts'
import { limitUnits, type LimitUnits } from '#shared/state/limit-units.ts'
import type { Consumption, Limit } from '#shared/state/store.ts'

/** A store whose clock the suite sets. */
export type TakeAt = (limits: readonly Limit[], nowUs: number) => Promise<readonly Consumption[]>

/** Microseconds; the sums of a store must be exact at today's. */
const NOW_US = 1_795_000_000_123_457

const key = fc.constantFrom('a', 'b', 'c')
const cost = fc.nat(5)
const spanMs = fc.oneof(fc.constantFrom(1, 1_000, 60_000), fc.integer({ min: 1, max: 500 }))
const bucket = fc.record({ key, cost, burst: fc.integer({ min: 1, max: 9 }), intervalMs: spanMs })
const window = fc.record({
  key,
  cost,
  kind: fc.constantFrom('sliding-window' as const, 'fixed-window' as const),
  quota: fc.integer({ min: 1, max: 30 }),
  windowMs: spanMs,
})
/** Three limits for a run, each with a key of its own. */
const limits = fc.uniqueArray(fc.oneof(bucket, window), {
  selector: ({ key }) => key,
  minLength: 1,
  maxLength: 3,
})
const step = fc.record({
  /** Of the shortest span in a run: mostly within it, sometimes over several. */
  waitShare: fc.oneof(
    fc.double({ min: 0, max: 0.5, noNaN: true }),
    fc.double({ min: 0, max: 3, noNaN: true }),
  ),
  costs: fc.array(cost, { minLength: 3, maxLength: 3 }),
})

/** Whether a store reckons as limits are defined, with every kind of limit, at times of the suite's own choosing. */
export function limitArithmeticSuite(takeAt: () => TakeAt, runs: number): void {
  test('every answer is the one that the definition of the limit gives', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { minLength: 1, maxLength: 20 }), async (limits, steps) => {
        const prefix = `{${randomId()}}:`
        const model = limitModel()
        let nowUs = NOW_US

        for (const { waitShare, costs } of steps) {
          const asked = limits.map((limit, at) => ({
            ...limit,
            key: prefix + limit.key,
            cost: costs[at] ?? limit.cost,
          }))
          nowUs += Math.round(waitShare * Math.min(...limitUnits(asked).map(({ spanUs }) => spanUs)))
          const expected = model(asked, nowUs)
          const answer = await takeAt()(asked, nowUs)

          expect(answer.map(({ allowed, remaining }) => ({ allowed, remaining }))).toEqual(expected)
        }
      }),
      { numRuns: runs },
    )
  })

  test('a refused call succeeds exactly when it was told, for any limit and history', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(bucket, window),
        fc.array(fc.tuple(cost, fc.double({ min: 0, max: 1.2, noNaN: true })), { maxLength: 12 }),
        async (measures, history) => {
          const [size, spanUs] =
            'burst' in measures
              ? [measures.burst, measures.intervalMs * 1_000]
              : [measures.quota, measures.windowMs * 1_000]
          const limit: Limit = {
            ...measures,
            key: randomId(),
            cost: Math.min(Math.max(1, measures.cost), size),
          }
          let nowUs = NOW_US
          for (const [cost, waitShare] of history) {
            await takeAt()([{ ...limit, cost: Math.min(cost, size) }], nowUs)
            nowUs += Math.round(waitShare * spanUs)
          }

          let [answer] = await takeAt()([limit], nowUs)
          for (let taken = 0; answer?.allowed === true && taken < size; taken += 1)
            [answer] = await takeAt()([limit], nowUs)
          const waitUs = (answer?.retryAfterMs ?? 0) * 1_000
          const [early] = await takeAt()([limit], nowUs + waitUs - 1_000)
          const [inTime] = await takeAt()([limit], nowUs + waitUs)

          expect(answer?.allowed).toBe(false)
          expect(early?.allowed).toBe(false)
          expect(inTime?.allowed).toBe(true)
        },
      ),
      { numRuns: runs },
    )
  })

  test.each([
    ['token-bucket', { burst: 4, intervalMs: 60_000 }],
    ['sliding-window', { kind: 'sliding-window', quota: 4, windowMs: 60_000 }],
    ['fixed-window', { kind: 'fixed-window', quota: 4, windowMs: 60_000 }],
  ] as const)(
    'a %s grants nothing anew when the clock goes back a little, and heals from a jump',
    async (_, measures) => {
      const limit = { ...measures, key: randomId() }
      const boundaryUs = Math.ceil(NOW_US / 60_000_000) * 60_000_000
      for (let at = 0; at < 4; at += 1) await takeAt()([limit], boundaryUs + 10)

      const [back] = await takeAt()([limit], boundaryUs - 500_000)
      const [yesterday] = await takeAt()([limit], boundaryUs - 86_400_000_000)

      expect(back).toMatchObject({ allowed: false, remaining: 0 })
      // No longer shut than the limit itself takes to be free again, whatever the clock did.
      expect((yesterday?.retryAfterMs ?? 0) <= 60_000).toBe(true)
    },
  )
}

/** Limits by their definition: every unit taken is remembered with its time, and counted anew for each call. */
function limitModel() {
  const taken: { readonly key: string; readonly cost: bigint; readonly atUs: bigint }[] = []

  return (asked: readonly Limit[], now: number) => {
    const units = limitUnits(asked)
    const nowUs = BigInt(now)
    const left = (unit: LimitUnits) =>
      unitsLeft(
        unit,
        taken.filter(({ key }) => key === unit.key),
        nowUs,
      )
    const allowed = units.map((unit) => unit.cost === 0 || left(unit) >= BigInt(unit.cost))
    if (allowed.every(Boolean)) {
      taken.push(...units.map(({ key, cost }) => ({ key, cost: BigInt(cost), atUs: nowUs })))
    }
    return units.map((unit, at) => ({
      allowed: allowed[at] ?? false,
      remaining: Math.max(Number(left(unit)), 0),
    }))
  }
}

type Taken = readonly { readonly cost: bigint; readonly atUs: bigint }[]

/** What a limit has left after what was taken from it, by its definition. */
export function unitsLeft(unit: LimitUnits, taken: Taken, nowUs: bigint): bigint {
  return unit.kind === 'token-bucket' ? bucketLeft(unit, taken, nowUs) : windowLeft(unit, taken, nowUs)
}

/** The level of the bucket, in parts of a unit, through its whole history. */
function bucketLeft({ spanUs, size }: LimitUnits, taken: Taken, nowUs: bigint): bigint {
  const span = BigInt(spanUs)
  const full = span * BigInt(size)
  let [level, atUs] = [full, 0n]
  for (const one of [...taken, { cost: 0n, atUs: nowUs }]) {
    level += one.atUs - atUs
    if (level > full) level = full
    level -= one.cost * span
    atUs = one.atUs
  }
  return level / span
}

/** Counts by window; the window before fades in 4096 steps. */
function windowLeft({ kind, spanUs, size }: LimitUnits, taken: Taken, nowUs: bigint): bigint {
  const span = BigInt(spanUs)
  const index = nowUs / span
  const count = (of: bigint) =>
    taken.filter(({ atUs }) => atUs / span === of).reduce((sum, { cost }) => sum + cost, 0n)
  const before = kind === 'sliding-window' ? count(index - 1n) : 0n
  const steps = 4_096n - ((nowUs - index * span) * 4_096n) / span
  const fading = (before * steps + 4_095n) / 4_096n
  return BigInt(size) - count(index) - fading
}
