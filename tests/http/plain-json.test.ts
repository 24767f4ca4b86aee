import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { preferredLanguage } from '#shared/http/language.ts'
import { parsePlainJson } from '#shared/http/plain-json.ts'

describe('parsePlainJson', () => {
  test('reads what JSON.parse reads, whatever is inside the strings', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value, undefined, 2)

        expect(parsePlainJson(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  test('refuses a name that occurs twice, at any place and however it is written', () => {
    const name = fc.string({ minLength: 1, maxLength: 8 })
    const escaped = (text: string) =>
      `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`

    fc.assert(
      fc.property(name, fc.jsonValue({ maxDepth: 2 }), (key, value) => {
        const text = `[{"other":{${JSON.stringify(key)}:1,"~":${JSON.stringify(value)},${escaped(key)}:2}}]`

        expect(() => parsePlainJson(text)).toThrow(SyntaxError)
      }),
    )
  })

  test('the same name in two objects is fine', () => {
    expect(parsePlainJson('{"a":{"a":1},"b":[{"a":2},{"a":3}]}')).toEqual({
      a: { a: 1 },
      b: [{ a: 2 }, { a: 3 }],
    })
  })

  test('nesting up to 32 levels is read, deeper is refused', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

    expect(() => parsePlainJson(nested(32))).not.toThrow()
    expect(() => parsePlainJson(nested(33))).toThrow('nested deeper than 32 levels')
  })

  test('brackets and quotes inside strings count for nothing', () => {
    expect(parsePlainJson(JSON.stringify({ a: '[[[{"a":1}' + '['.repeat(100), b: '\\"' }))).toBeDefined()
  })
})

describe('preferredLanguage', () => {
  test.each([
    [null, 'zh'],
    ['', 'zh'],
    ['en', 'en'],
    ['en-GB,en;q=0.9', 'en'],
    ['zh-Hans-CN, en;q=0.5', 'zh'],
    ['fr, de', 'zh'],
    ['en;q=0.2, zh;q=0.1', 'en'],
    ['en;q=0, zh', 'zh'],
    ['en;q=abc', 'zh'],
    ['english', 'zh'],
  ])('%s → %s', (header, language) => {
    expect(preferredLanguage(header)).toBe(language)
  })

  test('any header gives one of the two', () => {
    fc.assert(fc.property(fc.string(), (header) => expect(['zh', 'en']).toContain(preferredLanguage(header))))
  })
})
