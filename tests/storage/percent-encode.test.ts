import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bareWhenEmpty, encodePath, encodeQuery, percentEncode } from '#shared/storage/percent-encode.ts'

const texts = fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed())

describe('percent-encoding', () => {
  test('leaves nothing but unreserved characters and escapes in capitals, and loses nothing', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const encoded = percentEncode(text)

        expect(encoded).toMatch(/^(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})*$/)
        expect(decodeURIComponent(encoded)).toBe(text)
      }),
    )
  })

  test('of a path keeps slashes and nothing else', () => {
    fc.assert(
      fc.property(fc.array(texts), (segments) => {
        const path = segments.join('/')

        expect(encodePath(path)).toBe(path.split('/').map(percentEncode).join('/'))
      }),
    )
  })

  test('of a key comes through a URL as it was', () => {
    const segment = texts.filter(
      (text) => text !== '' && text !== '.' && text !== '..' && !text.includes('/'),
    )
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1 }), (segments) => {
        const path = `/${encodePath(segments.join('/'))}`

        expect(new URL(`https://a.example${path}`).pathname).toBe(path)
      }),
    )
  })

  test('of a query sorts by encoded name and comes back as it was', () => {
    fc.assert(
      fc.property(fc.dictionary(texts, texts), (query) => {
        const encoded = encodeQuery(query)
        const names = encoded === '' ? [] : encoded.split('&').map((pair) => pair.split('=')[0] ?? '')

        expect(names).toEqual(names.toSorted())
        expect(new Map(new URLSearchParams(encoded))).toEqual(new Map(Object.entries(query)))
      }),
    )
  })

  test('of an empty value is the bare name where a store wants that', () => {
    expect(encodeQuery({ uploads: '', prefix: 'a b' }, bareWhenEmpty)).toBe('prefix=a%20b&uploads')
  })
})
