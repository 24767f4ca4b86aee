import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Representation, representationHeaders, selectRepresentation } from '#shared/http/conditional.ts'

/** Ten bytes, changed a fraction of a second after 08:49:37. */
const FILE: Representation = {
  etag: 'E1',
  lastModified: new Date('1994-11-06T08:49:37.250Z'),
  sizeBytes: 10,
}
const EMPTY = { ...FILE, sizeBytes: 0 }
const CHANGED = 'Sun, 06 Nov 1994 08:49:37 GMT'
const BEFORE = 'Sun, 06 Nov 1994 08:49:36 GMT'
const AFTER = 'Sun, 06 Nov 1994 08:49:38 GMT'
const NOW = Date.parse('2026-07-01T12:00:00Z')

type Fields = Readonly<Record<string, string>>

function answer(fields: Fields, { method = 'GET', file = FILE, now = NOW } = {}) {
  return selectRepresentation({ method, headers: new Headers(fields) }, file, () => now)
}

/** A status, with the range where there is one: `206 0-4`. */
function told(fields: Fields, options?: Parameters<typeof answer>[1]): string {
  const selected = answer(fields, options)
  return selected.status === 206
    ? `206 ${selected.range.first}-${selected.range.last}`
    : String(selected.status)
}

type Row = readonly [clause: string, what: string, fields: Fields, expected: string]

const IF_MATCH: readonly Row[] = [
  ['§13.1.1', 'the tag', { 'if-match': '"E1"' }, '200'],
  ['§13.1.1', 'another tag', { 'if-match': '"E2"' }, '412'],
  ['§13.1.1', 'any tag', { 'if-match': '*' }, '200'],
  ['§13.1.1', 'a list with the tag', { 'if-match': '"E2", "E1"' }, '200'],
  ['§13.1.1', 'a list without the tag', { 'if-match': '"E2","E3"' }, '412'],
  ['§8.8.3.2', 'the tag as a weak one', { 'if-match': 'W/"E1"' }, '412'],
  ['§8.8.3', 'the tag in lower case', { 'if-match': '"e1"' }, '412'],
  ['§8.8.3', 'the tag without quotes', { 'if-match': 'E1' }, '412'],
  ['§8.8.3', 'a list that is not well formed', { 'if-match': '"E1", E2' }, '412'],
  ['§8.8.3', 'a tag left open', { 'if-match': '"E1' }, '412'],
  ['§13.1.1', 'nothing', { 'if-match': '' }, '412'],
  ['§13.1.1', 'any tag among others', { 'if-match': '"E2", *' }, '412'],
  ['§5.6.1', 'a list with empty elements', { 'if-match': ', ,"E2" ,,\t"E1",' }, '200'],
  ['§8.8.3', 'a tag with a comma in it', { 'if-match': '"E2,"' }, '412'],
  ['§13.2.2', 'the tag, and a part', { 'if-match': '"E1"', range: 'bytes=0-0' }, '206 0-0'],
  ['§13.2.2', 'another tag, and a part', { 'if-match': '"E2"', range: 'bytes=0-0' }, '412'],
  ['§13.2.2', 'another tag, and a part that is not there', { 'if-match': '"E2"', range: 'bytes=99-' }, '412'],
]

const IF_UNMODIFIED_SINCE: readonly Row[] = [
  ['§13.1.4', 'the date', { 'if-unmodified-since': CHANGED }, '200'],
  ['§13.1.4', 'a later date', { 'if-unmodified-since': AFTER }, '200'],
  ['§13.1.4', 'an earlier date', { 'if-unmodified-since': BEFORE }, '412'],
  ['§13.1.4', 'what is no date', { 'if-unmodified-since': 'yesterday' }, '200'],
  ['§13.1.4', 'two dates', { 'if-unmodified-since': `${BEFORE}, ${BEFORE}` }, '200'],
  ['§13.2.2', 'an earlier date and the tag', { 'if-unmodified-since': BEFORE, 'if-match': '"E1"' }, '200'],
  ['§13.2.2', 'a later date and another tag', { 'if-unmodified-since': AFTER, 'if-match': '"E2"' }, '412'],
]

const IF_NONE_MATCH: readonly Row[] = [
  ['§13.1.2', 'the tag', { 'if-none-match': '"E1"' }, '304'],
  ['§13.1.2', 'another tag', { 'if-none-match': '"E2"' }, '200'],
  ['§13.1.2', 'any tag', { 'if-none-match': '*' }, '304'],
  ['§13.1.2', 'a list with the tag', { 'if-none-match': '"E2", "E1"' }, '304'],
  ['§8.8.3.2', 'the tag as a weak one', { 'if-none-match': 'W/"E1"' }, '304'],
  ['§8.8.3.2', 'a list with the tag as a weak one', { 'if-none-match': 'W/"E2", W/"E1"' }, '304'],
  ['§8.8.3', 'a weak tag with a small w', { 'if-none-match': 'w/"E1"' }, '200'],
  ['§8.8.3', 'the tag without quotes', { 'if-none-match': 'E1' }, '200'],
  ['§8.8.3', 'a list that is not well formed', { 'if-none-match': '"E1" "E2"' }, '200'],
  ['§13.1.2', 'nothing', { 'if-none-match': '' }, '200'],
  ['§13.1.3', 'another tag and the date', { 'if-none-match': '"E2"', 'if-modified-since': CHANGED }, '200'],
  ['§13.1.3', 'the tag and an earlier date', { 'if-none-match': '"E1"', 'if-modified-since': BEFORE }, '304'],
  ['§13.2.2', 'the tag here and in If-Match', { 'if-none-match': '"E1"', 'if-match': '"E1"' }, '304'],
  ['§13.2.2', 'the tag, and another in If-Match', { 'if-none-match': '"E1"', 'if-match': '"E2"' }, '412'],
  ['§13.2.2', 'the tag, and a part', { 'if-none-match': '"E1"', range: 'bytes=0-4' }, '304'],
  ['§13.2.2', 'another tag, and a part', { 'if-none-match': '"E2"', range: 'bytes=0-4' }, '206 0-4'],
]

const IF_MODIFIED_SINCE: readonly Row[] = [
  ['§13.1.3', 'the date, in whole seconds', { 'if-modified-since': CHANGED }, '304'],
  ['§13.1.3', 'a later date', { 'if-modified-since': AFTER }, '304'],
  ['§13.1.3', 'an earlier date', { 'if-modified-since': BEFORE }, '200'],
  [
    '§5.6.7',
    'the date as RFC 850 wrote it',
    { 'if-modified-since': 'Sunday, 06-Nov-94 08:49:37 GMT' },
    '304',
  ],
  ['§5.6.7', 'an earlier one so', { 'if-modified-since': 'Sunday, 06-Nov-94 08:49:36 GMT' }, '200'],
  ['§5.6.7', 'two digits 51 years ahead', { 'if-modified-since': 'Tuesday, 01-Jan-77 00:00:00 GMT' }, '200'],
  [
    '§5.6.7',
    'two digits 50 years ahead',
    { 'if-modified-since': 'Wednesday, 01-Jan-76 00:00:00 GMT' },
    '304',
  ],
  ['§5.6.7', 'the date as asctime writes it', { 'if-modified-since': 'Sun Nov  6 08:49:37 1994' }, '304'],
  ['§5.6.7', 'an earlier one so', { 'if-modified-since': 'Sun Nov  6 08:49:36 1994' }, '200'],
  ['§5.6.7', 'a leap second', { 'if-modified-since': 'Sat, 31 Dec 2016 23:59:60 GMT' }, '304'],
  ['§13.1.3', 'a day that never was', { 'if-modified-since': 'Fri, 31 Feb 2020 08:49:37 GMT' }, '200'],
  ['§13.1.3', 'an hour that never was', { 'if-modified-since': 'Fri, 28 Feb 2020 24:00:00 GMT' }, '200'],
  ['§13.1.3', 'another zone', { 'if-modified-since': 'Fri, 28 Feb 2020 08:49:37 CST' }, '200'],
  ['§13.1.3', 'an ISO date', { 'if-modified-since': '2020-02-28T08:49:37Z' }, '200'],
  ['§5.6.7', 'lower case', { 'if-modified-since': AFTER.toLowerCase() }, '200'],
  ['§13.1.3', 'two dates', { 'if-modified-since': `${AFTER}, ${AFTER}` }, '200'],
  ['§13.1.3', 'a year of the first century', { 'if-modified-since': 'Sat, 01 Jan 0094 00:00:00 GMT' }, '200'],
  ['§13.2.2', 'the date, and a part', { 'if-modified-since': CHANGED, range: 'bytes=0-4' }, '304'],
]

const IF_RANGE: readonly Row[] = [
  ['§13.1.5', 'the tag', { 'if-range': '"E1"' }, '206 0-4'],
  ['§13.1.5', 'another tag', { 'if-range': '"E2"' }, '200'],
  ['§13.1.5', 'the tag as a weak one', { 'if-range': 'W/"E1"' }, '200'],
  ['§13.1.5', 'a list of tags', { 'if-range': '"E1", "E1"' }, '200'],
  ['§13.1.5', 'any tag', { 'if-range': '*' }, '200'],
  ['§13.1.5', 'the tag without quotes', { 'if-range': 'E1' }, '200'],
  ['§13.1.5', 'nothing', { 'if-range': '' }, '200'],
  ['§13.1.5', 'the date', { 'if-range': CHANGED }, '206 0-4'],
  ['§13.1.5', 'a later date', { 'if-range': AFTER }, '200'],
  ['§13.1.5', 'an earlier date', { 'if-range': BEFORE }, '200'],
  [
    '§13.2.2',
    'the tag, and a date that others would refuse',
    { 'if-range': '"E1"', 'if-modified-since': BEFORE },
    '206 0-4',
  ],
]

const RANGE: readonly (readonly [clause: string, range: string, expected: string])[] = [
  ['§14.1.2', 'bytes=0-4', '206 0-4'],
  ['§14.1.2', 'bytes=0-0', '206 0-0'],
  ['§14.1.2', 'bytes=9-9', '206 9-9'],
  ['§14.1.2', 'bytes=5-', '206 5-9'],
  ['§14.1.2', 'bytes=0-', '206 0-9'],
  ['§14.1.2', 'bytes=0-9', '206 0-9'],
  ['§14.1.2', 'bytes=5-10', '206 5-9'],
  ['§14.1.2', 'bytes=5-99999999999999999999999', '206 5-9'],
  ['§14.1.2', 'bytes=007-0008', '206 7-8'],
  ['§14.1.2', 'bytes=-3', '206 7-9'],
  ['§14.1.2', 'bytes=-10', '206 0-9'],
  ['§14.1.2', 'bytes=-11', '206 0-9'],
  ['§14.1.2', 'bytes=-99999999999999999999999', '206 0-9'],
  ['§14.1.1', 'bytes=-0', '416'],
  ['§14.1.1', 'bytes=-000', '416'],
  ['§14.1.1', 'bytes=10-', '416'],
  ['§14.1.1', 'bytes=10-20', '416'],
  ['§14.1.1', 'bytes=9007199254740993-9007199254740994', '416'],
  ['§14.1.1', 'bytes=500-400', '200'],
  ['§14.1.1', 'bytes=4-3', '200'],
  ['§14.1.1', 'bytes=9007199254740993-9007199254740992', '200'],
  ['§14.1.1', 'bytes=-', '200'],
  ['§14.1.1', 'bytes=', '200'],
  ['§14.1.1', 'bytes', '200'],
  ['§14.1.1', 'bytes=,', '200'],
  ['§14.1.1', 'bytes=abc', '200'],
  ['§14.1.1', 'bytes=0x0-4', '200'],
  ['§14.1.1', 'bytes=--5', '200'],
  ['§14.1.1', 'bytes=0-4-', '200'],
  ['§14.1.1', 'bytes=+0-4', '200'],
  ['§14.1.1', 'bytes=1.0-4', '200'],
  ['§14.1.1', 'bytes=0 - 4', '200'],
  ['§14.1.1', 'bytes 0-4', '200'],
  ['§14.1.1', 'bytes = 0-4', '200'],
  ['§14.1.1', '0-4', '200'],
  ['§14.1.1', '', '200'],
  ['§14.1', 'Bytes=0-4', '206 0-4'],
  ['§5.6.1', 'bytes=,0-4,', '206 0-4'],
  ['§5.6.1', 'bytes=, \t0-4 ,', '206 0-4'],
  ['§2.4', 'bytes= 0-4', '206 0-4'],
  ['§14.2', 'items=0-4', '200'],
  ['§14.2', 'none', '200'],
  ['§14.2', 'bytes=0-1,3-4', '200'],
  ['§14.2', 'bytes=0-1,99-', '200'],
  // What `Headers` makes of the header sent twice.
  ['§5.3', 'bytes=0-1, bytes=3-4', '200'],
]

describe('a GET', () => {
  test.each(IF_MATCH)('%s: If-Match with %s', (_clause, _what, fields, expected) => {
    expect(told(fields)).toBe(expected)
  })

  test.each(IF_UNMODIFIED_SINCE)('%s: If-Unmodified-Since with %s', (_clause, _what, fields, expected) => {
    expect(told(fields)).toBe(expected)
  })

  test.each(IF_NONE_MATCH)('%s: If-None-Match with %s', (_clause, _what, fields, expected) => {
    expect(told(fields)).toBe(expected)
  })

  test.each(IF_MODIFIED_SINCE)('%s: If-Modified-Since with %s', (_clause, _what, fields, expected) => {
    expect(told(fields)).toBe(expected)
  })

  test.each(IF_RANGE)('%s: If-Range with %s', (_clause, _what, fields, expected) => {
    expect(told({ range: 'bytes=0-4', ...fields })).toBe(expected)
  })

  test.each(RANGE)('%s: Range "%s" is answered %s', (_clause, range, expected) => {
    expect(told({ range })).toBe(expected)
  })

  test.each(['bytes=0-', 'bytes=0-0', 'bytes=-1', 'bytes=-0'])(
    '%s of an empty file can be met by nothing, which no Content-Range can say',
    (range) => {
      expect(told({ range }, { file: EMPTY })).toBe('416')
    },
  )

  test('a Range of a great many numbers, or of a great number, is no burden', () => {
    const many = told({ range: `bytes=${'0-,'.repeat(5_000)}0-` })
    const great = told({ range: `bytes=${'9'.repeat(15_000)}-` })

    expect([many, great]).toEqual(['200', '416'])
  })

  test('If-Range without Range counts for nothing (§13.1.5)', () => {
    expect(told({ 'if-range': '"E2"' })).toBe('200')
  })

  test('If-Range with a date counts only when its second has passed (§8.8.2.2)', () => {
    const fields = { range: 'bytes=0-4', 'if-range': CHANGED }
    const changed = Date.parse('1994-11-06T08:49:37Z')

    const within = told(fields, { now: changed + 999 })
    const after = told(fields, { now: changed + 1_000 })

    expect([within, after]).toEqual(['200', '206 0-4'])
  })
})

describe('a HEAD', () => {
  test('is answered for the whole, whatever range it asks for (§14.2)', () => {
    const head = (range: string) => told({ range, 'if-range': '"E1"' }, { method: 'HEAD' })

    expect([head('bytes=0-4'), head('bytes=99-')]).toEqual(['200', '200'])
  })

  test('is held to preconditions as a GET is', () => {
    const head = (fields: Fields) => told(fields, { method: 'HEAD' })

    expect(head({ 'if-none-match': '"E1"' })).toBe('304')
    expect(head({ 'if-modified-since': CHANGED })).toBe('304')
    expect(head({ 'if-match': '"E2"' })).toBe('412')
    expect(head({ 'if-unmodified-since': BEFORE })).toBe('412')
  })
})

describe('a DELETE', () => {
  test('with If-None-Match of what is there is refused (§13.1.2)', () => {
    expect(told({ 'if-none-match': '"E1"' }, { method: 'DELETE' })).toBe('412')
  })

  test('does not know If-Modified-Since and Range (§13.1.3, §14.2)', () => {
    expect(told({ 'if-modified-since': AFTER, range: 'bytes=99-' }, { method: 'DELETE' })).toBe('200')
  })
})

describe('the headers', () => {
  const of = (fields: Fields, file = FILE) => representationHeaders(answer(fields, { file }), file, () => NOW)

  test('of a 200 tell of the whole', () => {
    expect(of({})).toEqual({
      etag: '"E1"',
      'last-modified': CHANGED,
      'accept-ranges': 'bytes',
      'content-length': '10',
    })
  })

  test('of a 206 tell which part it is (§15.3.7)', () => {
    expect(of({ range: 'bytes=-3' })).toEqual({
      etag: '"E1"',
      'last-modified': CHANGED,
      'accept-ranges': 'bytes',
      'content-length': '3',
      'content-range': 'bytes 7-9/10',
    })
  })

  test('of a 304 are what a cache compares, without a length (§15.4.5)', () => {
    expect(of({ 'if-none-match': '"E1"' })).toEqual({ etag: '"E1"' })
  })

  test('of a 416 tell how much there is (§15.5.17)', () => {
    expect(of({ range: 'bytes=10-' })).toEqual({ 'content-range': 'bytes */10' })
    expect(of({ range: 'bytes=0-' }, EMPTY)).toEqual({ 'content-range': 'bytes */0' })
  })

  test('of a 412 tell nothing: its body is no part of the file', () => {
    expect(of({ 'if-match': '"E2"' })).toEqual({})
  })

  test('never date a change in the future (§8.8.2.1)', () => {
    const early = () => FILE.lastModified.getTime() - 60_000

    const headers = representationHeaders({ status: 200 }, FILE, early)

    expect(headers['last-modified']).toBe('Sun, 06 Nov 1994 08:48:37 GMT')
  })
})

const FIELDS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range']
const piece = fc.oneof(
  fc.constantFrom('bytes=', '-', ',', ' ', '\t', '"', 'W/', '"E1"', '*', '0', '9', '10', CHANGED, AFTER, '='),
  fc.nat().map(String),
  fc.bigInt({ min: 0n }).map(String),
  // Any byte a header may have.
  fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
)
const value = fc.oneof(
  fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  fc.tuple(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n })).map(([first, last]) => `bytes=${first}-${last}`),
  fc.tuple(fc.nat(30), fc.nat(30)).map(([first, last]) => `bytes=${first}-${last}`),
)
const fields = fc.dictionary(fc.constantFrom(...FIELDS), value)

test('whatever the headers are, there is an answer, and its range lies within the file', () => {
  const check = (given: Fields, sizeBytes: number, method: string) => {
    const file = { ...FILE, sizeBytes }
    const selected = answer(given, { method, file })
    const headers = new Headers(representationHeaders(selected, file, () => NOW))

    expect([200, 206, 304, 412, 416]).toContain(selected.status)
    if (selected.status !== 206) return
    const { first, last } = selected.range
    expect([Number.isSafeInteger(first), Number.isSafeInteger(last)]).toEqual([true, true])
    expect(0 <= first && first <= last && last < sizeBytes).toBe(true)
    expect(Number(headers.get('content-length'))).toBe(last - first + 1)
    expect([method, 'range' in given]).toEqual(['GET', true])
  }

  fc.assert(fc.property(fields, fc.nat(40), fc.constantFrom('GET', 'HEAD', 'PUT'), check), { numRuns: 2_000 })
})

test('every range of a file is exactly the bytes that were asked for', () => {
  const check = (first: number, length: number, more: number) => {
    const file = { ...FILE, sizeBytes: first + length + more }
    const last = first + length - 1

    expect(told({ range: `bytes=${first}-${last}` }, { file })).toBe(`206 ${first}-${last}`)
  }

  fc.assert(fc.property(fc.nat(), fc.integer({ min: 1, max: 1_000 }), fc.nat(), check))
})
