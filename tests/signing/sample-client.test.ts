import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { memoryNonces, session, signingSetting } from './setting.ts'

/** docs/signing-client.js, which people copy into a mini-program. */
interface Client {
  signature(call: Readonly<Record<string, unknown>>): string
  canonicalText(call: Readonly<Record<string, unknown>>): string
  sessionId(accessToken: string): string
  sha256(message: Uint8Array): Uint8Array
  hmac(key: Uint8Array, message: Uint8Array): Uint8Array
  base64url(bytes: Uint8Array): string
  fromBase64url(text: string): Uint8Array
  utf8(text: string): Uint8Array
}

const docs = join(import.meta.dirname, '..', '..', 'docs')
const client: Client = await import(pathToFileURL(join(docs, 'signing-client.js')).href)

describe('the sample client', () => {
  test('uses nothing that a mini-program lacks', () => {
    const code = readFileSync(join(docs, 'signing-client.js'), 'utf8').replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')

    expect(code).not.toMatch(
      /\b(import|require|Buffer|process|crypto|TextEncoder|atob|btoa|URL|URLSearchParams|wx|window|fetch)\b/,
    )
  })

  test('hashes, authenticates and encodes as node:crypto does', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 })
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 })

    fc.assert(
      fc.property(text, key, (message, secret) => {
        const bytes = client.utf8(message)

        expect(Buffer.from(bytes).toString()).toBe(message)
        expect(Buffer.from(client.sha256(bytes))).toEqual(createHash('sha256').update(message).digest())
        expect(Buffer.from(client.hmac(secret, bytes))).toEqual(
          createHmac('sha256', secret).update(message).digest(),
        )
        expect(client.base64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
        expect(Buffer.from(client.fromBase64url(client.base64url(bytes)))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 4_096])(
    'hashes %d bytes, whichever way they fill the blocks',
    (size) => {
      const bytes = new Uint8Array(size).fill(0x61)

      expect(Buffer.from(client.sha256(bytes))).toEqual(createHash('sha256').update(bytes).digest())
    },
  )

  test('signs what the server accepts: Chinese, a query, a body, a port', async () => {
    const one = signingSetting({ nonces: memoryNonces() })
    const body = '{"description":"小函 😀"}'
    const call = {
      kid: 'k2',
      key: Buffer.from(one.keyOf()).toString('base64url'),
      sid: session.sessionId,
      ts: one.now() / 1_000,
      random: new Uint8Array(16).fill(9),
      method: 'POST',
      host: 'api.example.com:8443',
      path: '/api/v1/orders',
      query: [
        ['q', '小 函+!*'],
        ['a', '2'],
        ['a', ''],
      ],
      body,
    }

    const sent = new Request('https://api.example.com:8443/api/v1/orders?q=%E5%B0%8F+%E5%87%BD%2B!*&a=2&a=', {
      method: 'POST',
      body,
      headers: { 'x-signature': client.signature(call) },
    })

    expect(await one.outcome(sent)).toBe('session k2')
  })

  test('finds the session in the access token', () => {
    const claims = Buffer.from(JSON.stringify({ sub: 'u', sid: session.sessionId, gen: 4 })).toString(
      'base64url',
    )

    expect(client.sessionId(`e30.${claims}.c2ln`)).toBe(session.sessionId)
  })
})
