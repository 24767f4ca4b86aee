import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeRefreshToken, encodeRefreshToken } from '#shared/tokens/refresh-token.ts'

describe('refresh token', () => {
  test('is read back as it was made, for any counter', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat(2 ** 40), (sessionId, counter) => {
        const key = randomBytes(32)

        const token = decodeRefreshToken(encodeRefreshToken(sessionId, counter, key))

        expect(token).toMatchObject({ sessionId, counter })
        expect(token?.isAuthentic(key)).toBe(true)
        expect(token?.isAuthentic(randomBytes(32))).toBe(false)
      }),
    )
  })

  test('any change of one character is refused without a look-up, or fails its MAC', () => {
    const key = randomBytes(32)
    const good = encodeRefreshToken(randomUUID(), 300, key)

    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.constantFrom(...'ABab09-_=+/ '), (at, character) => {
        const changed = good.slice(0, at) + character + good.slice(at + 1)
        fc.pre(changed !== good)
        expect(decodeRefreshToken(changed)?.isAuthentic(key) ?? false).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('junk is refused and never crashes', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 120 }), (junk) => expect(decodeRefreshToken(junk)).toBeUndefined()),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(decodeRefreshToken(Buffer.from(bytes).toString('base64url'))).toBeUndefined()
      }),
    )
  })

  test('the same session and counter give the same token, so a lost answer can be repeated', () => {
    const [sessionId, key] = [randomUUID(), randomBytes(32)]

    expect(encodeRefreshToken(sessionId, 5, key)).toBe(encodeRefreshToken(sessionId, 5, key))
    expect(encodeRefreshToken(sessionId, 5, key)).not.toBe(encodeRefreshToken(sessionId, 6, key))
  })
})
