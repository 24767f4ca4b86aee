import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { parseKeyring } from '#shared/keyring.ts'
import { canonicalRequest, hashBody } from '#shared/signing/canonical-request.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { sessionSigningKey } from '#shared/signing/session-signing-key.ts'
import { parseSignature } from '#shared/signing/signature-header.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import { userSigningKey } from '#shared/signing/user-signing-key.ts'
import { signWebhook } from '#shared/signing/webhook.ts'
import { APP_ID, memoryNonces, session, signingSetting, START } from './setting.ts'

// The vectors were made by a program of their own, in another language, from the text of docs/signing.md.

interface RequestVector {
  readonly name: string
  readonly kind: 'request'
  readonly kid: string
  readonly key: string
  readonly sessionId: string | null
  readonly ts: string
  readonly nonce: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly query: string
  readonly bodyBase64: string
  readonly canonicalRequest: string
  readonly header: string
  readonly expect: string
}

interface WebhookVector {
  readonly name: string
  readonly kind: 'webhook'
  readonly kid: string
  readonly key: string
  readonly id: string
  readonly timestamp: string
  readonly bodyBase64: string
  readonly signature: string
  readonly expect: string
}

interface SessionKeyVector {
  readonly name: string
  readonly kind: 'session-key'
  readonly masterKey: string
  readonly appId: string
  readonly sessionId: string
  readonly generation: number
  readonly key: string
}

interface UserKeyVector {
  readonly name: string
  readonly kind: 'user-key'
  readonly encryptKeyBase64: string
  readonly appId: string
  readonly sessionId: string
  readonly version: number
  readonly key: string
}

type Vector = RequestVector | WebhookVector | SessionKeyVector | UserKeyVector

const file = join(import.meta.dirname, '..', '..', 'docs', 'signing-vectors.json')
const { vectors, serverTime }: { vectors: readonly Vector[]; serverTime: string } = JSON.parse(
  readFileSync(file, 'utf8'),
)

function ofKind<K extends Vector['kind']>(kind: K) {
  const found = vectors.filter((vector): vector is Extract<Vector, { kind: K }> => vector.kind === kind)
  return found.map((vector) => [vector.name, vector] as const)
}

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'))
const keyOf = (text: string) => Buffer.from(text, 'base64url')
const MASTER = ofKind('session-key')[0]?.[1].masterKey ?? ''
const PARTNER = ofKind('webhook')[0]?.[1].key ?? ''
const USER_KEY = bytes(ofKind('user-key')[0]?.[1].encryptKeyBase64 ?? '')

/** A server at the time of the vectors, with their keys. */
function server() {
  const one = signingSetting({
    nonces: memoryNonces(),
    masters: parseKeyring(`k1:${MASTER}`),
    partners: parsePartnerKeys(`acme.k1:${PARTNER}`),
    userKey: async (_, version) => (version === 7 ? USER_KEY : undefined),
  })
  one.advance(Number(serverTime) * 1_000 - START)
  return one
}

function requestOf(
  { method, host, path, query, bodyBase64 }: RequestVector,
  headers: Record<string, string>,
): Request {
  const body = bytes(bodyBase64)
  return new Request(`https://${host}${path}${query === '' ? '' : `?${query}`}`, {
    method,
    headers,
    ...(body.byteLength === 0 ? {} : { body }),
  })
}

function webhookOf({ bodyBase64 }: WebhookVector, headers: Record<string, string> = {}): Request {
  return new Request('https://api.example.com/api/v1/callback/acme', {
    method: 'POST',
    body: bytes(bodyBase64),
    headers,
  })
}

const outcome = (vector: RequestVector) =>
  server().outcome(requestOf(vector, { host: vector.host, 'x-signature': vector.header }), {
    demand: vector.sessionId === null ? 'partner' : 'required',
    session: async () => ({ ...session, sessionId: vector.sessionId ?? '' }),
  })

describe('the vectors of docs/signing-vectors.json', () => {
  test('are more than forty, of every kind', () => {
    expect(vectors.length).toBeGreaterThan(40)
    expect(new Set(vectors.map(({ kind }) => kind)).size).toBe(4)
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length)
  })

  test.each(ofKind('session-key'))('derive: %s', (_, { masterKey, key, ...facts }) => {
    expect(sessionSigningKey(parseKeyring(`k1:${masterKey}`), facts).key).toBe(key)
  })

  test.each(ofKind('user-key'))('derive: %s', (_, { encryptKeyBase64, key, ...facts }) => {
    expect(facts.appId).toBe(APP_ID)
    expect(userSigningKey(bytes(encryptKeyBase64), facts).toString('base64url')).toBe(key)
  })

  test.each(ofKind('request'))('canonical text: %s', (_, vector) => {
    const { sessionId, bodyBase64, canonicalRequest: text } = vector
    const parts = { ...vector, sessionId: sessionId ?? undefined, bodyHash: hashBody(bytes(bodyBase64)) }

    expect(canonicalRequest(parts)).toBe(text)
  })

  test.each(ofKind('request'))('the server’s answer: %s', async (_, vector) => {
    const kind = vector.kid === 'k1' ? 'session' : vector.kid.startsWith('wx.') ? 'user-key' : 'partner'

    expect(await outcome(vector)).toBe(vector.expect === 'accepted' ? `${kind} ${vector.kid}` : vector.expect)
  })

  test.each(ofKind('request').filter(([, { expect: answer }]) => answer === 'accepted'))(
    'the signer’s header: %s',
    async (_, vector) => {
      const { kid, key, sessionId, nonce, ts, header } = vector
      const clock = () => Number(ts) * 1_000
      const signer = { kid, key: keyOf(key), sessionId: sessionId ?? undefined, clock, nonce: () => nonce }

      const signed = await signRequest(requestOf(vector, {}), signer)

      expect(signed.headers.get('x-signature')).toBe(header)
      expect(parseSignature(header)).toMatchObject({ kid, ts, nonce })
    },
  )

  test.each(ofKind('webhook'))('the server’s answer: %s', async (_, vector) => {
    const headers = {
      'webhook-id': vector.id,
      'webhook-timestamp': vector.timestamp,
      'webhook-signature': vector.signature,
    }

    const answer = await server().outcome(webhookOf(vector, headers), { demand: 'partner', partner: 'acme' })

    expect(answer).toBe(vector.expect === 'accepted' ? 'partner acme.k1' : vector.expect)
  })

  test.each(ofKind('webhook').filter(([name]) => /^webhook( whose| with an empty|$)/.test(name)))(
    'the signer’s headers: %s',
    async (_, vector) => {
      const clock = () => Number(vector.timestamp) * 1_000

      const signed = await signWebhook(webhookOf(vector), { key: keyOf(vector.key), id: vector.id, clock })

      expect(signed.headers.get('webhook-signature')).toBe(vector.signature)
    },
  )
})
