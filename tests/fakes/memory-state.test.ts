import { describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { stateStoreSuite } from '#tests/contracts/state-store.ts'
import { memoryState } from './memory-state.ts'

const { signal } = new AbortController()

describe('the state store in memory', () => {
  stateStoreSuite(async () => ({ store: memoryState(), close: async () => {} }))

  test('forgets a value when its time is over', async () => {
    let now = 1_000
    const state = memoryState({ clock: () => now })
    await state.set('k', 'v', { ttlMs: 10 }, signal)

    const before = await state.get('k', signal)
    now += 10

    expect(before).toBe('v')
    expect(await state.get('k', signal)).toBeUndefined()
    expect(state.entries().size).toBe(0)
  })

  test('stores an absent key for exactly one of many callers', async () => {
    const state = memoryState()

    const stored = await Promise.all(
      ['a', 'b', 'c'].map((value) => state.set('k', value, { ttlMs: 1_000, ifAbsent: true }, signal)),
    )

    expect(stored).toEqual([true, false, false])
    expect(await state.getMany(['k', 'other'], signal)).toEqual(['a', undefined])
  })

  test('deletes only the value it was told to', async () => {
    const state = memoryState()
    await state.set('k', 'mine', { ttlMs: 1_000 }, signal)

    const other = await state.delete('k', { ifValue: 'yours' }, signal)
    const mine = await state.delete('k', { ifValue: 'mine' }, signal)

    expect([other, mine]).toEqual([false, true])
  })

  test('takes from every limit or from none', async () => {
    const state = memoryState({ clock: () => 0 })
    const wide = { key: 'wide', burst: 3, intervalMs: 1_000 }
    const narrow = { key: 'narrow', burst: 1, intervalMs: 1_000 }
    await state.consume({ limits: [wide, narrow] }, signal)

    const { consumptions: refused } = await state.consume({ limits: [wide, narrow] }, signal)

    expect(refused.map(({ allowed }) => allowed)).toEqual([true, false])
    expect(refused.map(({ remaining }) => remaining)).toEqual([2, 0])
    expect(refused[1]?.retryAfterMs).toBe(1_000)
  })

  test('answers unavailable while it is told to fail, and recovers', async () => {
    const state = memoryState({ failing: true })

    const down = await state.get('k', signal).catch((error: unknown) => error)
    state.failing = false

    expect(down).toBeInstanceOf(Fault)
    expect(down).toHaveProperty('error', 'unavailable')
    expect(await state.get('k', signal)).toBeUndefined()
  })
})
