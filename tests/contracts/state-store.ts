import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomId } from '#shared/ids.ts'
import type { Limit, StateStore } from '#shared/state/store.ts'
import { stateLimitsSuite } from '#tests/contracts/state-limits.ts'
import { eventually } from '#tests/services/eventually.ts'

export interface OpenedStore {
  readonly store: StateStore
  /** Stops what was started for it; the suite has closed the store itself. */
  close(): Promise<void>
}

const never = new AbortController().signal
const ttlMs = 60_000
const AWKWARD = [
  '',
  '小函 😀 ñ',
  '\u0000\u0001\u007f',
  "'; drop table state; --",
  '{"a":[1,2]}\r\n',
  'x'.repeat(100_000),
]

/** What every state store does. Call it inside a `describe`. */
export function stateStoreSuite(open: () => Promise<OpenedStore>): void {
  let opened: OpenedStore
  let store: StateStore
  const fresh = () => `test:${randomId()}`
  const take = async (limits: readonly Limit[]) => (await store.consume({ limits }, never)).consumptions

  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(async () => {
    await store.close()
    await opened.close()
  })

  test('a value that was set is read back', async () => {
    const key = fresh()

    const stored = await store.set(key, 'one', { ttlMs }, never)

    expect(stored).toBe(true)
    expect(await store.get(key, never)).toBe('one')
  })

  test('a key that was never set reads as undefined', async () => {
    expect(await store.get(fresh(), never)).toBeUndefined()
  })

  test('setting again replaces the value', async () => {
    const key = fresh()
    await store.set(key, 'one', { ttlMs }, never)

    await store.set(key, 'two', { ttlMs }, never)

    expect(await store.get(key, never)).toBe('two')
  })

  test.each(AWKWARD.map((value) => [JSON.stringify(value.slice(0, 30)), value]))(
    'the value %s comes back as it was',
    async (_, value) => {
      const key = fresh()

      await store.set(key, value, { ttlMs }, never)

      expect(await store.get(key, never)).toBe(value)
    },
  )

  test('keys may hold any characters', async () => {
    const key = `${fresh()}:小函 "\\{,}' %s`

    await store.set(key, 'one', { ttlMs }, never)

    expect(await store.getMany([key, `${key} `], never)).toEqual(['one', undefined])
  })

  test('getMany answers in the order of its keys, whichever nodes they are on, repeats and absences included', async () => {
    const keys = Array.from({ length: 20 }, fresh)
    await Promise.all(keys.map((key, at) => store.set(key, `value ${at}`, { ttlMs }, never)))
    const asked = [...keys.toReversed(), fresh(), keys[3] ?? '']

    const values = await store.getMany(asked, never)

    expect(values).toEqual([...keys.map((_, at) => `value ${at}`).toReversed(), undefined, 'value 3'])
  })

  test('getMany of no keys is empty', async () => {
    expect(await store.getMany([], never)).toEqual([])
  })

  test('of 100 parallel sets with ifAbsent exactly one wins, and its value stays', async () => {
    const key = fresh()

    const won = await Promise.all(
      Array.from({ length: 100 }, (_, at) => store.set(key, `value ${at}`, { ttlMs, ifAbsent: true }, never)),
    )

    expect(won.filter(Boolean)).toHaveLength(1)
    expect(await store.get(key, never)).toBe(`value ${won.indexOf(true)}`)
  })

  test('a value disappears when its time is up, and ifAbsent may then set it', async () => {
    const key = fresh()
    await store.set(key, 'short', { ttlMs: 60 }, never)
    const early = await store.set(key, 'other', { ttlMs, ifAbsent: true }, never)

    await eventually(async () => (await store.get(key, never)) === undefined, { withinMs: 2_000 })

    expect(early).toBe(false)
    expect(await store.delete(key, {}, never)).toBe(false)
    expect(await store.set(key, 'next', { ttlMs, ifAbsent: true }, never)).toBe(true)
  })

  test('setting again gives the value a new lifetime', async () => {
    const [key, marker] = [fresh(), fresh()]
    await store.set(key, 'short', { ttlMs: 60 }, never)
    await store.set(marker, 'short', { ttlMs: 60 }, never)

    await store.set(key, 'long', { ttlMs }, never)
    await eventually(async () => (await store.get(marker, never)) === undefined, { withinMs: 2_000 })

    expect(await store.get(key, never)).toBe('long')
  })

  test.each([0, -1, Number.NaN])('a lifetime of %p ms is refused as our own mistake', async (ttlMs) => {
    await expect(store.set(fresh(), 'one', { ttlMs }, never)).rejects.toThrow(RangeError)
  })

  test('delete says whether there was something', async () => {
    const key = fresh()
    await store.set(key, 'one', { ttlMs }, never)

    expect(await store.delete(key, {}, never)).toBe(true)
    expect(await store.delete(key, {}, never)).toBe(false)
    expect(await store.get(key, never)).toBeUndefined()
  })

  test('delete with ifValue leaves another holder in place', async () => {
    const key = fresh()
    await store.set(key, 'mine', { ttlMs }, never)

    expect(await store.delete(key, { ifValue: 'theirs' }, never)).toBe(false)
    expect(await store.get(key, never)).toBe('mine')
    expect(await store.delete(key, { ifValue: 'mine' }, never)).toBe(true)
  })

  test('a signal that has ended stops a call with its own reason', async () => {
    const reason = new Error('gone')

    await expect(store.get(fresh(), AbortSignal.abort(reason))).rejects.toBe(reason)
  })

  test('each unit taken shows in what remains and in the time until full', async () => {
    const limit = { key: fresh(), burst: 3, intervalMs: 60_000 }

    const [first] = await take([limit])
    const [second] = await take([{ ...limit, cost: 2 }])
    const [third] = await take([limit])

    expect(first).toEqual({ allowed: true, remaining: 2, retryAfterMs: 0, resetMs: 60_000 })
    expect(second).toMatchObject({ allowed: true, remaining: 0, retryAfterMs: 0 })
    expect(second?.resetMs).toBeGreaterThan(170_000)
    expect(third).toMatchObject({ allowed: false, remaining: 0 })
    expect(third?.retryAfterMs).toBeGreaterThan(50_000)
    expect(third?.retryAfterMs).toBeLessThanOrEqual(60_000)
    expect(third?.resetMs).toBeLessThanOrEqual(180_000)
  })

  test('a unit comes back after its interval', async () => {
    const limit = { key: fresh(), burst: 1, intervalMs: 80 }
    await take([limit])

    const [refused] = await take([limit])
    const [granted] = await eventually(
      async () => {
        const answer = await take([limit])
        return answer[0]?.allowed === true && answer
      },
      { withinMs: 2_000 },
    )

    expect(refused).toMatchObject({ allowed: false })
    expect(granted).toMatchObject({ allowed: true, remaining: 0 })
  })

  test('an interval that is no whole number admits the burst exactly', async () => {
    const limit = { key: fresh(), burst: 60, intervalMs: 600_000 / 7 }

    const answers = await Promise.all(Array.from({ length: 90 }, () => take([limit])))

    expect(answers.flat().filter(({ allowed }) => allowed)).toHaveLength(60)
  })

  test('calls over the same limits in opposite orders admit exactly the burst and never block each other', async () => {
    const tag = `{${fresh()}}`
    const one = { key: `${tag}:one`, burst: 20, intervalMs: 600_000 }
    const two = { key: `${tag}:two`, burst: 20, intervalMs: 600_000 }

    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, at) => take(at % 2 === 0 ? [one, two] : [two, one])),
    )

    expect(answers.filter((answer) => answer.every(({ allowed }) => allowed))).toHaveLength(20)
  })

  stateLimitsSuite(() => store)

  test.each([
    ['no limits', []],
    ['a burst of 0', [{ key: 'k', burst: 0, intervalMs: 1 }]],
    ['a negative cost', [{ key: 'k', burst: 1, intervalMs: 1, cost: -1 }]],
    ['an interval of 0', [{ key: 'k', burst: 1, intervalMs: 0 }]],
    ['a bucket that takes ages to fill', [{ key: 'k', burst: 1e9, intervalMs: 1e9 }]],
    ['the same key twice', [1, 2].map((burst) => ({ key: 'k', burst, intervalMs: 1 }))],
  ])('%s is refused as our own mistake', async (_, limits) => {
    await expect(take(limits)).rejects.toThrow(RangeError)
  })
}
