import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import {
  canonicalRequest,
  type CanonicalParts,
  hashBody,
  requestParts,
} from '#shared/signing/canonical-request.ts'
import { formatSignature } from '#shared/signing/signature-header.ts'
import { requestMac } from '#shared/signing/sign-request.ts'
import { memoryNonces, session, type SettingOptions, signingSetting, START, tampered } from './setting.ts'

const CALLED = 'http://127.0.0.1:9000/api/v1/orders/%E5%B0%8F?b=x%20y&a=%2F'
const BODY = '{"amountFen": 1}'

function setting(options: SettingOptions = {}) {
  return signingSetting({ nonces: memoryNonces(), explain: true, ...options })
}

function call(): Request {
  return new Request(CALLED, { method: 'POST', body: BODY })
}

interface Details {
  readonly canonicalRequest: string
  readonly hint: string
}

async function explained(one: ReturnType<typeof setting>, request: Request, more = {}): Promise<Details> {
  const fault = await one.verify(request, more)
  if (!(fault instanceof Fault)) throw new TypeError('It was accepted')
  const { canonicalRequest: text = '', hint = '' } = { ...fault.details.at(-1) }
  return { canonicalRequest: String(text), hint: String(hint) }
}

/** A client that signs something else than it sends. */
function signedWrongly(
  one: ReturnType<typeof setting>,
  change: {
    readonly parts?: Partial<CanonicalParts>
    readonly text?: (text: string) => string
    readonly key?: Uint8Array
  },
): Request {
  const header = { kid: 'k2', ts: String(START / 1_000), nonce: 'A'.repeat(22) }
  const right = { ...requestParts(call(), Buffer.from(BODY)), ...header, sessionId: session.sessionId }
  const text = canonicalRequest({ ...right, ...change.parts })
  const sig = requestMac(change.key ?? one.keyOf(), change.text?.(text) ?? text).toString('base64url')
  const request = call()
  request.headers.set('x-signature', formatSignature({ ...header, sig }))
  return request
}

const line = (at: number, value: string) => (text: string) => text.split('\n').with(at, value).join('\n')

const MISTAKES: readonly (readonly [
  what: string,
  change: Parameters<typeof signedWrongly>[1],
  hint: string,
])[] = [
  ['the empty body', { parts: { bodyHash: hashBody(Buffer.from('')) } }, 'Another body'],
  [
    'the JSON without white space',
    { parts: { bodyHash: hashBody(Buffer.from('{"amountFen":1}')) } },
    'Another body',
  ],
  ['a line feed after the body', { parts: { bodyHash: hashBody(Buffer.from(`${BODY}\n`)) } }, 'Another body'],
  ['localhost', { parts: { host: 'localhost:9000' } }, 'Another host'],
  ['the host without its port', { parts: { host: '127.0.0.1' } }, 'Another host'],
  ['no host', { parts: { host: '' } }, 'Another host'],
  ['the path below the base path', { parts: { path: '/orders/%E5%B0%8F' } }, 'Another path'],
  ['the decoded path', { parts: { path: '/api/v1/orders/小' } }, 'Another path'],
  ['the path with the query', { parts: { path: '/api/v1/orders/%E5%B0%8F?b=x%20y&a=%2F' } }, 'Another path'],
  ['no session id', { parts: { sessionId: undefined } }, 'Another session id'],
  ['the method in lower case', { parts: { method: 'post' } }, 'Another method'],
  ['no query', { text: line(7, '') }, 'The query'],
  ['the query as sent', { text: line(7, 'b=x%20y&a=%2F') }, 'The query'],
  ['the query decoded', { text: line(7, 'b=x y&a=/') }, 'The query'],
  ['a line feed at the end', { text: (text) => `${text}\n` }, 'The lines are joined'],
  ['CR LF', { text: (text) => text.replaceAll('\n', '\r\n') }, 'The lines are joined'],
  ['no scheme', { text: (text) => text.slice(text.indexOf('\n') + 1) }, 'The lines are joined'],
  ['another scheme', { text: line(0, 'AWS4-HMAC-SHA256') }, 'No usual mistake fits'],
]

describe('in the local cloud a refused signature is explained', () => {
  test.each(MISTAKES)('to a client that signs %s', async (_, change, hint) => {
    const one = setting()

    const answer = await explained(one, signedWrongly(one, change))

    expect(answer.hint).toContain(hint)
    expect(answer.canonicalRequest.split('\n')).toEqual([
      'XH1-HMAC-SHA256',
      'k2',
      String(START / 1_000),
      'A'.repeat(22),
      'POST',
      '127.0.0.1:9000',
      '/api/v1/orders/%E5%B0%8F',
      'a=%2F&b=x%20y',
      session.sessionId,
      createHash('sha256').update(BODY).digest('hex'),
    ])
  })

  test.each([
    ['a port that a proxy left out of Host', '127.0.0.1:8080', 'A port was signed'],
    ['the port of https', '127.0.0.1:443', 'A port was signed'],
    ['a port that nobody would guess', '127.0.0.1:51234', 'Its host has no port'],
  ])('to a client that signs %s', async (_, signedHost, hint) => {
    const one = setting()
    const sent = signedWrongly(one, { text: line(5, signedHost) })
    const arrived = new Request(CALLED.replace(':9000', ''), {
      method: 'POST',
      body: BODY,
      headers: { 'x-signature': sent.headers.get('x-signature') ?? '', host: '127.0.0.1' },
    })

    const answer = await explained(one, arrived)

    expect(answer.hint).toContain(hint)
    expect(answer.canonicalRequest.split('\n')[5]).toBe('127.0.0.1')
  })

  test('to a client that uses the key as text, or the key of before the refresh', async () => {
    const one = setting()
    const asText = Buffer.from(Buffer.from(one.keyOf()).toString('base64url'))
    const before = one.keyOf({ ...session, generation: session.generation - 1 })

    expect((await explained(one, signedWrongly(one, { key: asText }))).hint).toContain('used as text')
    expect((await explained(one, signedWrongly(one, { key: before }))).hint).toContain(
      'another refresh generation',
    )
  })

  test.each([
    ['an unknown key', 'k9', 'SIGNING_KEYS has no key "k9"'],
    ['an unknown partner', 'evil.k1', 'wants a key of the kind session or user-key, not partner'],
    ['a user key where WeChat’s keys are not in use', 'wx.1', 'not in use here'],
  ])('to a caller with %s', async (_, kid, hint) => {
    const one = setting()
    const signed = await one.sign(call(), { kid, key: one.keyOf() })

    expect((await explained(one, signed)).hint).toContain(hint)
  })

  test('to a caller whose access token is missing, and to a partner with a key of another', async () => {
    const one = setting()
    const without = { session: async () => undefined, demand: 'optional' }
    const asPartner = { ...without, demand: 'partner', partner: 'acme' }

    expect((await explained(one, await one.sign(call()), without)).hint).toContain('no access token')
    expect((await explained(one, await one.signAsPartner(call(), 'globex.k1'), asPartner)).hint).toContain(
      'another partner',
    )
    expect((await explained(one, await one.signAsPartner(call(), 'acme.k9'), asPartner)).hint).toContain(
      'PARTNER_KEYS has no key',
    )
  })

  test('with every name that the server may be called by', async () => {
    const one = setting({ publicHosts: ['a.example.com', 'b.example.com'] })

    const { canonicalRequest: text, hint } = await explained(one, await one.sign(call()))

    expect(text.split('\n\n').map((each) => each.split('\n')[5])).toEqual(['a.example.com', 'b.example.com'])
    expect(hint).toContain('Another host')
  })

  test('to a client whose header has no such form, with blanks to fill in', async () => {
    const one = setting()
    const request = call()
    request.headers.set('x-signature', 'v1;kid=k2;ts=1790000000;nonce=short;sig=x')

    const fault = await one.verify(request)

    expect(fault).toMatchObject({
      error: 'bad_request',
      details: [
        { header: 'X-Signature', message: 'nonce must be 22 characters of base64url' },
        { canonicalRequest: expect.stringContaining('<kid>\n<ts>\n<nonce>\nPOST'), hint: expect.any(String) },
      ],
    })
  })

  test('to a partner whose webhook does not fit', async () => {
    const one = setting()
    const delivery = {
      'webhook-id': 'm1',
      'webhook-timestamp': String(START / 1_000),
      'webhook-signature': 'v1,x',
    }
    const request = new Request(CALLED, { method: 'POST', body: BODY, headers: delivery })
    const to = (partner: string) => ({ demand: 'partner', session: async () => undefined, partner })

    const { canonicalRequest: text, hint } = await explained(one, request, to('acme'))

    expect(text).toBe(`m1.${START / 1_000}.${BODY}`)
    expect(hint).toContain('whsec_')
    expect((await explained(one, request, to('initech'))).hint).toContain('no key of this partner')
  })

  test('without a key or a MAC in the answer', async () => {
    const one = setting()
    const good = (await one.sign(call())).headers.get('x-signature')?.slice(-43) ?? ''
    const forged = await tampered(await one.sign(call()), { body: '{}' })

    const answer = JSON.stringify(await one.verify(forged))

    for (const form of ['base64url', 'base64', 'hex'] as const) {
      expect(answer).not.toContain(Buffer.from(one.keyOf()).toString(form))
    }
    expect(answer).not.toContain(good)
  })
})

describe('elsewhere', () => {
  test('a refused signature says nothing more, a malformed one only what form it must have', async () => {
    const one = setting({ explain: false })
    const forged = await tampered(await one.sign(call()), { body: '{}' })
    const malformed = call()
    malformed.headers.set('x-signature', 'v1')

    expect(await one.verify(forged)).toMatchObject({ error: 'signature_invalid', details: [] })
    expect(await one.verify(malformed)).toMatchObject({
      error: 'bad_request',
      details: [{ header: 'X-Signature' }],
    })
  })
})
