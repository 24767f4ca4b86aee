import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { requestParts } from '#shared/signing/canonical-request.ts'
import { formatSignature, parseSignature } from '#shared/signing/signature-header.ts'
import { session, signingSetting, START, tampered } from './setting.ts'

const URL_SIGNED = 'https://api.example.com/api/v1/orders/a%2Fb?name=%E5%B0%8F%20x&page=2'
const JSON_BODY = '{"amountFen":1,"metadata":{"a":1}}'

function request(url = URL_SIGNED, init: RequestInit = {}): Request {
  return new Request(url, { method: 'PUT', body: JSON_BODY, ...init })
}

/** The signed request above with its header changed. */
async function withHeader(change: (header: string) => string): Promise<Request> {
  const signed = await setting.sign(request())
  signed.headers.set('x-signature', change(signed.headers.get('x-signature') ?? ''))
  return signed
}

// Signatures that nobody demands are verified as strictly as those that somebody does.
const setting = signingSetting()
const outcome = (sent: Request) => setting.outcome(sent, { demand: 'optional' })

/** What an attacker, or a proxy, makes of a signed request → the answer. */
const CHANGES: readonly (readonly [what: string, change: Parameters<typeof tampered>[1], answer: string])[] =
  [
    ['nothing', {}, 'session k2'],
    ['white space in the JSON', { body: '{"amountFen": 1,"metadata":{"a":1}}' }, 'signature_invalid'],
    ['the order of the JSON’s keys', { body: '{"metadata":{"a":1},"amountFen":1}' }, 'signature_invalid'],
    ['a byte of the body', { body: JSON_BODY.replace('1', '2') }, 'signature_invalid'],
    ['a line feed after the body', { body: `${JSON_BODY}\n` }, 'signature_invalid'],
    ['the body away', { body: '' }, 'signature_invalid'],
    ['%2F to a slash', { url: URL_SIGNED.replace('%2F', '/') }, 'signature_invalid'],
    ['%2F to %2f', { url: URL_SIGNED.replace('%2F', '%2f') }, 'signature_invalid'],
    ['a slash to two', { url: URL_SIGNED.replace('/orders', '//orders') }, 'signature_invalid'],
    ['the path to another route', { url: URL_SIGNED.replace('/orders', '/users') }, 'signature_invalid'],
    ['a slash after the path', { url: URL_SIGNED.replace('a%2Fb', 'a%2Fb/') }, 'signature_invalid'],
    // Resolved before anybody sees the target, so it is the very route that was signed.
    ['a detour in the path', { url: URL_SIGNED.replace('/orders', '/users/../orders') }, 'session k2'],
    [
      'a detour to another route',
      { url: URL_SIGNED.replace('/orders', '/orders/../users') },
      'signature_invalid',
    ],
    ['%20 to + in the query', { url: URL_SIGNED.replace('%20', '+') }, 'session k2'],
    ['%20 to %2B in the query', { url: URL_SIGNED.replace('%20', '%2B') }, 'signature_invalid'],
    ['the order of the query', { url: URL_SIGNED.replace(/\?(.*)&(.*)/, '?$2&$1') }, 'session k2'],
    ['a name of the query to occur twice', { url: `${URL_SIGNED}&page=3` }, 'signature_invalid'],
    ['a value of the query', { url: URL_SIGNED.replace('page=2', 'page=3') }, 'signature_invalid'],
    ['the query away', { url: URL_SIGNED.replace(/\?.*/, '') }, 'signature_invalid'],
    [
      'a value of the query into its name',
      { url: URL_SIGNED.replace('page=2', 'page%3D2') },
      'signature_invalid',
    ],
    ['the method', { method: 'POST' }, 'signature_invalid'],
    ['the method to DELETE', { method: 'DELETE', body: null }, 'signature_invalid'],
    ['the host to capitals', { host: 'API.Example.COM' }, 'session k2'],
    ['the host to one with a dot after it', { host: 'api.example.com.' }, 'signature_invalid'],
    ['the host to another', { host: 'api.example.org' }, 'signature_invalid'],
    ['the host to one with the scheme’s port', { host: 'api.example.com:443' }, 'session k2'],
    ['the host to one with another port', { host: 'api.example.com:8443' }, 'signature_invalid'],
  ]

const HEADERS: readonly (readonly [what: string, change: (header: string) => string, answer: string])[] = [
  ['sent twice', (header) => `${header}, ${header}`, 'bad_request'],
  ['beside another one', (header) => `${header}, v1`, 'bad_request'],
  ['in another order', (header) => header.replace(/(kid=[^;]+);(ts=[^;]+)/, '$2;$1'), 'bad_request'],
  ['with a space', (header) => header.replace(';ts', '; ts'), 'bad_request'],
  ['of another version', (header) => header.replace('v1', 'v0'), 'bad_request'],
  ['without a kid', (header) => header.replace(/kid=[^;]+;/, ''), 'bad_request'],
  ['without a nonce', (header) => header.replace(/nonce=[^;]+;/, ''), 'bad_request'],
  ['with an empty nonce', (header) => header.replace(/nonce=[^;]+/, 'nonce='), 'bad_request'],
  ['with two kids', (header) => header.replace('kid=k2', 'kid=k1;kid=k2'), 'bad_request'],
  ['with a time in milliseconds', (header) => header.replace(/ts=\d+/, `ts=${START}`), 'bad_request'],
  ['with a time in other digits', (header) => header.replace(/ts=\d/, 'ts=\u00b9'), 'bad_request'],
  ['cut off', (header) => header.slice(0, -1), 'bad_request'],
  ['with a character more', (header) => `${header}A`, 'bad_request'],
  ['with an empty signature', (header) => header.replace(/sig=.*/, 'sig='), 'bad_request'],
  ['with no text at all', () => '', 'bad_request'],
  ['of zeros', (header) => header.replace(/sig=.*/, `sig=${'A'.repeat(43)}`), 'signature_invalid'],
  ['under the key before', (header) => header.replace('kid=k2', 'kid=k1'), 'signature_invalid'],
  ['under an unknown key', (header) => header.replace('kid=k2', 'kid=k9'), 'signature_invalid'],
  ['under a partner’s key', (header) => header.replace('kid=k2', 'kid=acme.k1'), 'signature_invalid'],
  [
    'under an unknown partner’s key',
    (header) => header.replace('kid=k2', 'kid=evil.k1'),
    'signature_invalid',
  ],
  ['under WeChat’s user key', (header) => header.replace('kid=k2', 'kid=wx.1'), 'signature_invalid'],
  ['under a property of objects', (header) => header.replace('kid=k2', 'kid=__proto__'), 'signature_invalid'],
  [
    'with another second',
    (header) => header.replace(/ts=(\d+)/, (_, ts) => `ts=${Number(ts) + 1}`),
    'signature_invalid',
  ],
  [
    'with another nonce',
    (header) => header.replace(/nonce=./, (it) => (it.endsWith('A') ? 'nonce=B' : 'nonce=A')),
    'signature_invalid',
  ],
]

describe('a signed request', () => {
  test.each(CHANGES)('in which somebody changed %s', async (_, change, answer) => {
    const signed = await setting.sign(request())

    expect(await outcome(await tampered(signed, change))).toBe(answer)
  })

  test.each(HEADERS)('whose signature is %s', async (_, change, answer) => {
    expect(await outcome(await withHeader(change))).toBe(answer)
  })

  test('without a body is another one than with {}', async () => {
    const empty = await setting.sign(request(URL_SIGNED, { body: '' }))
    const braces = await setting.sign(request(URL_SIGNED, { body: '{}' }))

    expect(await outcome(await tampered(empty, { body: '{}' }))).toBe('signature_invalid')
    expect(await outcome(await tampered(braces, { body: '' }))).toBe('signature_invalid')
    expect(await outcome(empty)).toBe('session k2')
    expect(await outcome(braces)).toBe('session k2')
  })

  test('whose body is no UTF-8 counts by its bytes, not by what a decoder makes of them', async () => {
    const signed = await setting.sign(request(URL_SIGNED, { body: Uint8Array.of(0xff, 0xfe, 0x00) }))

    expect(await outcome(await tampered(signed, { body: '\ufffd\ufffd\0' }))).toBe('signature_invalid')
    expect(await outcome(await tampered(signed, { body: Uint8Array.of(0xfe, 0xff, 0x00) }))).toBe(
      'signature_invalid',
    )
    expect(await outcome(signed)).toBe('session k2')
  })

  test.each([
    ['−301 s', -301, 'clock_skew'],
    ['−300 s', -300, 'session k2'],
    ['−299 s', -299, 'session k2'],
    ['299 s', 299, 'session k2'],
    ['300 s', 300, 'session k2'],
    ['301 s', 301, 'clock_skew'],
  ])('of a client whose clock is off by %s', async (_, offS, answer) => {
    const one = signingSetting()
    one.advance(offS * 1_000)
    const signed = await one.sign(request())
    one.advance(-offS * 1_000 + 999) // late in the second, which must not matter

    expect(await one.outcome(signed, { demand: 'optional' })).toBe(answer)
  })

  test('from too long ago is told the server’s time', async () => {
    const one = signingSetting()
    const signed = await one.sign(request())
    one.advance(301_000)

    expect(await one.verify(signed)).toMatchObject({
      error: 'clock_skew',
      details: [{ serverTime: '2026-11-23T12:05:01.000Z' }],
    })
  })

  test.each([
    ['another session', { ...session, sessionId: '7f3c2a10-0000-4000-8000-000000000002' }],
    ['the generation before the refresh', { ...session, generation: session.generation - 1 }],
    ['the generation to come', { ...session, generation: session.generation + 1 }],
  ])('with the key of %s is refused', async (_, of) => {
    const signed = await setting.sign(request(), { key: setting.keyOf(of) })

    expect(await outcome(signed)).toBe('signature_invalid')
  })

  test('under the next master key is accepted: instances of before and after a rotation agree', async () => {
    expect(await outcome(await setting.sign(request(), { kid: 'k1' }))).toBe('session k1')
  })

  test('under a master key that was retired is refused', async () => {
    const signed = await setting.sign(request(), { kid: 'k0', key: setting.keyOf(session, 'k1') })

    expect(await outcome(signed)).toBe('signature_invalid')
  })

  test('with the empty key is refused', async () => {
    for (const kid of ['k2', 'k0', 'evil.k1']) {
      expect(await outcome(await setting.sign(request(), { kid, key: new Uint8Array() }))).toBe(
        'signature_invalid',
      )
    }
  })

  test('whose signature is spelled another way, in the spare bits of its last character, is no second one', async () => {
    const signed = await setting.sign(request())
    const header = signed.headers.get('x-signature') ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(header.at(-1) ?? '')
    const spellings = [1, 2, 3].map((spare) => header.slice(0, -1) + (alphabet[last + spare] ?? ''))

    for (const spelling of spellings) {
      expect(Buffer.from(spelling.slice(-43), 'base64url')).toEqual(
        Buffer.from(header.slice(-43), 'base64url'),
      )
      signed.headers.set('x-signature', spelling)
      expect(await outcome(signed)).toBe('bad_request')
    }
  })

  test('is refused whichever byte of a covered part is changed', async () => {
    const segment = fc.stringMatching(/^[a-z0-9._~-]{1,8}$/).filter((text) => !/^\.+$/.test(text))
    const facts = fc.record({
      path: fc.array(segment, { minLength: 1, maxLength: 3 }),
      query: fc.array(fc.tuple(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 })), { maxLength: 3 }),
      body: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      at: fc.nat(),
      part: fc.constantFrom('path', 'query', 'body', 'host', 'method', 'sessionId', 'nonce', 'sig'),
    })

    await fc.assert(
      fc.asyncProperty(facts, async ({ path, query, body, at, part }) => {
        const url = `https://a.example/${path.join('/')}?${new URLSearchParams(query).toString()}`
        const signed = await setting.sign(new Request(url, { method: 'POST', body }))
        const header = parseSignature(signed.headers.get('x-signature') ?? '')
        if (header === undefined) throw new TypeError('The signer signs')
        const whole = { ...requestParts(signed, body), ...header, sessionId: session.sessionId }
        const other = flipped({ ...whole, body }, part, at)

        const sent = new Request(`https://a.example${other.path}?${other.query}`, {
          method: other.method,
          body: new Uint8Array(other.body),
          headers: { host: other.host, 'x-signature': formatSignature(other) },
        })
        const as = async () => ({ ...session, sessionId: other.sessionId })

        expect(await setting.outcome(sent, { demand: 'optional', session: as })).toBe('signature_invalid')
        expect(await outcome(signed)).toBe('session k2')
      }),
      { numRuns: 300 },
    )
  })
})

interface Whole {
  readonly path: string
  readonly query: string
  readonly host: string
  readonly method: string
  readonly sessionId: string
  readonly kid: string
  readonly ts: string
  readonly nonce: string
  readonly sig: string
  readonly body: Uint8Array
}

/** The parts with one place of one of them changed to something else that is well-formed. */
function flipped(
  whole: Whole,
  part: 'path' | 'query' | 'body' | 'host' | 'method' | 'sessionId' | 'nonce' | 'sig',
  at: number,
): Whole {
  const swap = (text: string, from: number) => {
    const place = from + (at % (text.length - from))
    return text.slice(0, place) + (text[place] === 'x' ? 'y' : 'x') + text.slice(place + 1)
  }
  if (part === 'body')
    return { ...whole, body: whole.body.map((byte, i) => (i === at % whole.body.length ? byte ^ 1 : byte)) }
  if (part === 'method') return { ...whole, method: 'PUT' }
  if (part === 'query') return { ...whole, query: `${whole.query}&x=` }
  if (part === 'path') return { ...whole, path: `/${swap(whole.path.slice(1).replaceAll('/', '-'), 0)}` }
  if (part === 'sig') return { ...whole, sig: swap(whole.sig.slice(0, -1), 0) + whole.sig.slice(-1) }
  return { ...whole, [part]: swap(whole[part], 0) }
}

describe('the work of a refusal', () => {
  test('is the same for an unknown key: the whole request is read for it', async () => {
    const bodies: number[] = []
    const signed = await setting.sign(request(), { kid: 'k9', key: new Uint8Array(32) })
    const body = async () => {
      bodies.push(1)
      return new Uint8Array()
    }

    const answer = await setting.outcome(signed, { demand: 'optional', body })

    expect(answer).toBe('signature_invalid')
    expect(bodies).toHaveLength(1)
  })
})
