import { describe, expect, test } from '@jest/globals'
import { verifiedTokens } from '#shared/tokens/verified-tokens.ts'

const MAX = 4_096

function verified(fromS = 0, untilS = 600) {
  const claims = { userId: 'u', sessionId: `s-${fromS}`, epoch: 0, generation: 0 }
  return { claims, fromS, untilS }
}

describe('tokens that have been verified', () => {
  test('are found from their first second to their last', () => {
    const tokens = verifiedTokens(MAX)
    tokens.add('token', verified(100, 700), 100)

    const found = [99, 100, 700, 701].map((nowS) => tokens.find('token', nowS)?.sessionId)

    expect(found).toEqual([undefined, 's-100', 's-100', undefined])
  })

  test('of 100,000 only so many are kept, the latest', () => {
    const tokens = verifiedTokens(MAX)

    let largest = 0
    for (let at = 0; at < 100_000; at += 1) {
      tokens.add(`token-${at}`, verified(), 0)
      largest = Math.max(largest, tokens.size)
    }

    expect([largest, tokens.size]).toEqual([MAX, MAX])
    expect(tokens.find(`token-${100_000 - MAX - 1}`, 0)).toBeUndefined()
    expect(tokens.find(`token-${100_000 - MAX}`, 0)).toEqual(verified().claims)
    expect(tokens.find('token-99999', 0)).toEqual(verified().claims)
  })

  test('leave when they have run out and another comes', () => {
    const tokens = verifiedTokens(MAX)
    for (let at = 0; at < 50; at += 1) tokens.add(`old-${at}`, verified(0, 600 + at), 0)

    tokens.add('new', verified(0, 1_200), 630)

    expect(tokens.size).toBe(21)
    expect(tokens.find('old-29', 600)).toBeUndefined()
    expect(tokens.find('old-30', 630)).toEqual(verified().claims)
  })

  test('take one place each, however often they are added', () => {
    const tokens = verifiedTokens(MAX)

    for (let times = 0; times < 3; times += 1) tokens.add('token', verified(), 0)

    expect(tokens.size).toBe(1)
  })

  test('are found by the whole of their text alone', () => {
    const tokens = verifiedTokens(MAX)
    tokens.add('token', verified(), 0)

    const others = ['', 'toke', 'token ', 'Token', 'tokeN', 'tokens', '__proto__', 'constructor']

    expect(others.map((text) => tokens.find(text, 0))).toEqual(others.map(() => undefined))
  })
})
