import { describe, expect, test } from '@jest/globals'
import { withBreaker } from '#shared/state/breaker.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'

const never = new AbortController().signal

/** A store behind a breaker, its clock, and how often the store itself was asked. */
function opened() {
  let asked = 0
  const state = memoryState()
  const counting = {
    ...state,
    async get(key: string, signal: AbortSignal) {
      asked += 1
      return state.get(key, signal)
    },
  }
  const clock = { nowMs: 1_000_000 }
  const store = withBreaker(counting, { clock: () => clock.nowMs, failures: 2, openMs: 500 })
  const outcome = () =>
    store.get('key', never).then(
      () => 'answered',
      (error: unknown) => (error as { error?: string }).error,
    )
  return { state, clock, store, outcome, asked: () => asked }
}

describe('a store behind a breaker', () => {
  test('after two failures in a row nobody asks it, for half a second', async () => {
    const { state, clock, outcome, asked } = opened()
    state.failing = true

    const outcomes = [await outcome(), await outcome(), await outcome()]
    clock.nowMs += 499
    outcomes.push(await outcome())

    expect(outcomes).toEqual(['unavailable', 'unavailable', 'unavailable', 'unavailable'])
    expect(asked()).toBe(2)
  })

  test('whom it refuses is told why: what happened to the last one who asked', async () => {
    const { state, store, outcome } = opened()
    state.failing = true
    await Promise.all([outcome(), outcome()])

    const refusal = await store.get('key', never).catch((error: unknown) => error)

    expect(causesOf(refusal)).toEqual([
      'Fault: unavailable',
      'Error: The state store was not asked: it failed a moment ago',
      'Error: The state store is down',
    ])
  })

  test('then one call tries, the others still fail at once, and its success ends the outage', async () => {
    const { state, clock, outcome, asked } = opened()
    state.failing = true
    await Promise.all([outcome(), outcome()])
    state.failing = false
    clock.nowMs += 500

    const outcomes = await Promise.all([outcome(), outcome(), outcome()])
    const after = await Promise.all([outcome(), outcome()])

    expect(outcomes).toEqual(['answered', 'unavailable', 'unavailable'])
    expect(after).toEqual(['answered', 'answered'])
    expect(asked()).toBe(5)
  })

  test('a try that fails keeps it shut for as long again', async () => {
    const { state, clock, outcome, asked } = opened()
    state.failing = true
    await Promise.all([outcome(), outcome()])
    clock.nowMs += 500

    const tried = await outcome()
    clock.nowMs += 400
    await outcome()

    expect(tried).toBe('unavailable')
    expect(asked()).toBe(3)
  })

  test('one failure between successes means nothing', async () => {
    const { state, outcome, asked } = opened()

    for (const failing of [true, false, true, false]) {
      state.failing = failing
      await outcome()
    }

    expect(await outcome()).toBe('answered')
    expect(asked()).toBe(5)
  })

  test('callers who give up and mistakes of ours say nothing about the store, nor do they keep the next one from trying', async () => {
    const { state, clock, store, outcome } = opened()
    state.failing = true
    await Promise.all([outcome(), outcome()])
    state.failing = false
    clock.nowMs += 500

    const givenUp = await store.get('key', AbortSignal.abort(new Error('gone'))).catch(String)
    const mistaken = await store.consume({ limits: [] }, never).catch(String)

    expect(givenUp).toBe('Error: gone')
    expect(mistaken).toMatch('RangeError')
    expect(await outcome()).toBe('answered')
  })

  test('a clock that was set back does not keep it shut', async () => {
    const { state, clock, outcome } = opened()
    state.failing = true
    await Promise.all([outcome(), outcome()])
    state.failing = false
    clock.nowMs -= 3_600_000

    expect(await outcome()).toBe('answered')
  })
})
