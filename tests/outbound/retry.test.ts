import { describe, expect, test } from '@jest/globals'
import { httpRefusal } from '#shared/outbound/http-refusal.ts'
import { retryAfterS } from '#shared/retry-after.ts'
import { createRetryBudget } from '#shared/outbound/retry-budget.ts'

describe('Retry-After', () => {
  const nowMs = Date.UTC(2026, 10, 23, 12)

  test.each([
    ['3', 3],
    [' 120 ', 120],
    ['Mon, 23 Nov 2026 12:00:30 GMT', 30],
    ['0', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['Mon, 23 Nov 2026 11:59:00 GMT', undefined],
    ['99999999999', undefined],
  ])('%j is %j seconds', (text, seconds) => {
    expect(retryAfterS(new Headers({ 'retry-after': text }), nowMs)).toBe(seconds)
  })

  test('goes into the fault that the answer becomes', () => {
    const call = { method: 'GET', url: new URL('https://api.test/path?secret=hush') } as const

    const headers = new Headers({ 'retry-after': 'Mon, 23 Nov 2026 12:00:07 GMT' })

    const fault = httpRefusal(call, { status: 429, headers }, nowMs)

    expect([fault.error, fault.retryAfterS, String(fault.cause)]).toEqual([
      'upstream_failed',
      7,
      'CallError: Cannot call GET api.test/path: HTTP 429',
    ])
  })
})

describe('the budget for trying again', () => {
  test('has ten to begin with, then a tenth of the calls and one a second', () => {
    let nowMs = 0
    const budget = createRetryBudget(() => nowMs)
    const spend = () => {
      let count = 0
      while (budget.withdraw()) count++
      return count
    }

    const first = spend()
    for (let n = 0; n < 50; n++) budget.deposit()
    const ofCalls = spend()
    nowMs += 3_000
    const ofTime = spend()
    nowMs += 3_600_000
    const atMost = spend()
    nowMs -= 7_200_000
    const setBack = spend()

    expect([first, ofCalls, ofTime, atMost, setBack]).toEqual([10, 4, 3, 10, 0])
  })
})
