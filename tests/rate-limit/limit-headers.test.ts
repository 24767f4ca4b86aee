import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { limitHeaders, retryAfterS } from '#shared/rate-limit/limit-headers.ts'
import type { CheckResult } from '#shared/rate-limit/limiter.ts'

// RFC 9651 §3.1 and §3.3: a list of strings whose parameters are integers of up to fifteen digits.
const MEMBER = String.raw`"[\x20-\x21\x23-\x5b\x5d-\x7e]*"(;[a-z*][a-z0-9_.*-]*=-?\d{1,15})*`
const LIST = new RegExp(`^${MEMBER}(, ${MEMBER})*$`)

function result(more: Partial<CheckResult> = {}): CheckResult {
  return {
    name: 'login',
    policy: { algorithm: 'token-bucket', quota: 10, windowS: 60, by: ['ip'], onStoreError: 'local' },
    allowed: true,
    remaining: 3,
    resetMs: 11_001,
    retryAfterMs: 0,
    ...more,
  }
}

describe('headers of a limited answer', () => {
  test('they name each policy, what is left of it and when it is whole again', () => {
    const headers = limitHeaders([result(), result({ name: 'ip', remaining: 0, resetMs: 60_000 })])

    expect(headers).toEqual({
      'RateLimit-Policy': '"login";q=10;w=60, "ip";q=10;w=60',
      RateLimit: '"login";r=3;t=12, "ip";r=0;t=60',
    })
  })

  test('a policy that was checked for several subjects stands once, with the least that is left', () => {
    const several = [result(), result({ remaining: 1 }), result({ allowed: false, remaining: 2 }), result()]

    expect(limitHeaders(several)).toMatchObject({ RateLimit: '"login";r=2;t=12' })
  })

  test('without limits there are none', () => {
    expect(limitHeaders([])).toEqual({})
  })

  test('they are lists by RFC 9651, whatever the numbers', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,39}$/)
    const numbers = { remaining: fc.nat(1e9), resetMs: fc.nat(2 ** 42), allowed: fc.boolean() }
    const results = fc.array(fc.record({ name, ...numbers }).map(result), { minLength: 1, maxLength: 5 })

    fc.assert(
      fc.property(results, (results) => {
        const headers = limitHeaders(results)

        expect(headers['RateLimit']).toMatch(LIST)
        expect(headers['RateLimit-Policy']).toMatch(LIST)
      }),
    )
  })

  test.each([
    [[0], 1],
    [[1], 1],
    [[1_000, 1_001], 2],
    [[], 1],
  ])('a wait of %j ms is told as %d s', (waitsMs, seconds) => {
    const results = waitsMs.map((retryAfterMs) => result({ allowed: false, retryAfterMs }))

    expect(retryAfterS([...results, result({ retryAfterMs: 99_000 })])).toBe(seconds)
  })
})
