import { createHmac } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  canonicalHost,
  canonicalQuery,
  canonicalRequest,
  hashBody,
} from '#shared/signing/canonical-request.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import { formatSignature, parseSignature } from '#shared/signing/signature-header.ts'

const parts = {
  kid: 'k1',
  ts: '1790000000',
  nonce: 'AAAAAAAAAAAAAAAAAAAAAA',
  method: 'POST',
  host: 'API.example.com:8443',
  path: '/api/v1/orders',
  query: 'b=2&a=1',
  sessionId: '7f3c2a10-0000-4000-8000-000000000001',
  bodyHash: hashBody(new TextEncoder().encode('{"amountFen":1}')),
}

describe('canonical request', () => {
  test('is the ten lines of the scheme', () => {
    expect(canonicalRequest(parts)).toBe(
      [
        'XH1-HMAC-SHA256',
        'k1',
        '1790000000',
        'AAAAAAAAAAAAAAAAAAAAAA',
        'POST',
        'api.example.com:8443',
        '/api/v1/orders',
        'a=1&b=2',
        '7f3c2a10-0000-4000-8000-000000000001',
        'c00d6577690e67bfd95f30d5e8c58e12568e9b2020b7be8f9243c149326464e4',
      ].join('\n'),
    )
  })

  test('shows - without a session and the hash of nothing without a body', () => {
    const lines = canonicalRequest({
      ...parts,
      sessionId: undefined,
      bodyHash: hashBody(new Uint8Array()),
    }).split('\n')

    expect(lines.slice(8)).toEqual(['-', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'])
  })

  test.each([
    ['API.Example.com', 'api.example.com'],
    ['api.example.com:443', 'api.example.com'],
    ['api.example.com:80', 'api.example.com'],
    ['api.example.com:8443', 'api.example.com:8443'],
    ['api.example.com.', 'api.example.com.'],
    ['[::1]:443', '[::1]'],
    ['[2001:db8::443]', '[2001:db8::443]'],
  ])('the host %s becomes %s', (host, canonical) => {
    expect(canonicalHost(host)).toBe(canonical)
  })

  test.each([
    ['', ''],
    ['b=2&a=1', 'a=1&b=2'],
    ['a=2&a=1', 'a=1&a=2'],
    ['a=x+y', 'a=x%20y'],
    ['a=x%20y', 'a=x%20y'],
    ['a=x%2By', 'a=x%2By'],
    ["a=!'()*~", 'a=%21%27%28%29%2A~'],
    ['q=小函', 'q=%E5%B0%8F%E5%87%BD'],
    ['a', 'a='],
    ['B=1&a=1', 'B=1&a=1'],
    ['a=1&a%00=1', 'a=1&a%00=1'],
  ])('the query %s becomes %s', (query, canonical) => {
    expect(canonicalQuery(query)).toBe(canonical)
  })

  test('two queries have one text exactly when the application reads the same pairs', () => {
    const pairs = fc.array(fc.tuple(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 })), {
      maxLength: 4,
    })
    const read = (query: string) =>
      JSON.stringify([...new URLSearchParams(query)].sort((a, b) => (String(a) < String(b) ? -1 : 1)))

    fc.assert(
      fc.property(pairs, pairs, (one, other) => {
        const [a, b] = [String(new URLSearchParams(one)), String(new URLSearchParams(other))]

        if (read(a) !== read(b)) expect(canonicalQuery(a)).not.toBe(canonicalQuery(b))
        expect(canonicalQuery(canonicalQuery(a))).toBe(canonicalQuery(a))
      }),
    )
  })
})

describe('signature header', () => {
  const header = { kid: 'k1', ts: '1790000000', nonce: 'A'.repeat(22), sig: 'A'.repeat(43) }

  test('is read back as it was written', () => {
    expect(parseSignature(formatSignature(header))).toEqual(header)
  })

  test.each([
    ['another version', formatSignature(header).replace('v1', 'v2')],
    ['a part missing', formatSignature(header).replace(/;nonce=[^;]+/, '')],
    ['another order', 'v1;ts=1790000000;kid=k1;nonce=' + 'A'.repeat(22) + ';sig=' + 'A'.repeat(43)],
    ['a space', formatSignature(header).replace(';ts', '; ts')],
    ['a short time', formatSignature(header).replace('1790000000', '179000000')],
    ['a negative time', formatSignature(header).replace('1790000000', '-790000000')],
    ['a truncated signature', formatSignature(header).slice(0, -1)],
    ['an extended signature', `${formatSignature(header)}A`],
    ['a second spelling of the same bytes', formatSignature({ ...header, sig: `${'A'.repeat(42)}B` })],
    ['an empty signature', formatSignature({ ...header, sig: '' })],
    ['two signatures', `${formatSignature(header)}, ${formatSignature(header)}`],
    ['a line feed', `${formatSignature(header)}\n`],
  ])('%s is not read', (_, text) => {
    expect(parseSignature(text)).toBeUndefined()
  })
})

describe('signRequest', () => {
  test('adds a signature that anyone with the key can compute, and leaves the rest alone', async () => {
    const key = new Uint8Array(32).fill(7)
    const request = new Request('https://api.example.com/api/v1/orders?b=2&a=1', {
      method: 'POST',
      body: '{"amountFen":1}',
    })

    const signed = await signRequest(request, {
      ...parts,
      key,
      clock: () => 1_790_000_000_500,
      nonce: () => parts.nonce,
    })

    const canonical = canonicalRequest({ ...parts, host: 'api.example.com' })
    const sig = createHmac('sha256', key).update(canonical).digest('base64url')
    expect(signed.headers.get('x-signature')).toBe(`v1;kid=k1;ts=1790000000;nonce=${parts.nonce};sig=${sig}`)
    expect(await signed.text()).toBe('{"amountFen":1}')
    expect(signed.url).toBe(request.url)
  })
})
