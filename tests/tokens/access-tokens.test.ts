import { createHmac, randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { Fault } from '#shared/errors.ts'
import { createAccessTokens, isCanonical } from '#shared/tokens/access-tokens.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { encodeTokenKeys, generateTokenKey } from '#scripts/keys/generate-secrets.ts'

const NOW = Date.UTC(2026, 10, 23)
const claims = { userId: randomUUID(), sessionId: randomUUID(), epoch: 3, generation: 7 }
const active = generateTokenKey('active')
const keys = parseTokenKeys(encodeTokenKeys([active, generateTokenKey('next'), generateTokenKey('retiring')]))

function tokensAt(nowMs: number, changes: { issuer?: string; audience?: string; keys?: typeof keys } = {}) {
  return createAccessTokens({ keys, issuer: 'xiaohan', audience: 'wx-app', clock: () => nowMs, ...changes })
}

function refusal(token: string, nowMs = NOW): Promise<string> {
  return outcome(tokensAt(nowMs).verify(token))
}

function outcome(verified: Promise<unknown>): Promise<string> {
  return verified.then(
    () => 'accepted',
    (error: unknown) => (error instanceof Fault ? error.error : `crashed: ${String(error)}`),
  )
}

/** A token signed with the real key, its header and claims changed. */
async function forge(
  header: Partial<JWTHeaderParameters>,
  payload: Record<string, unknown> = {},
): Promise<string> {
  const nowS = NOW / 1000
  const good = {
    sid: claims.sessionId,
    ep: 3,
    gen: 7,
    iss: 'xiaohan',
    aud: 'wx-app',
    sub: claims.userId,
    jti: 'j',
    iat: nowS,
    nbf: nowS,
    exp: nowS + 600,
  }
  const body = Object.fromEntries(
    Object.entries({ ...good, ...payload }).filter(([, value]) => value !== undefined),
  )
  const key = await importJWK({ ...active, alg: 'ES256' }, 'ES256')
  return new SignJWT(body)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: active.kid, ...header })
    .sign(key)
}

function unsigned(header: object, signature = ''): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part({ sub: claims.userId, exp: NOW })}.${signature}`
}

describe('access token', () => {
  test('what was issued is read back', async () => {
    const { accessToken, expiresInS } = await tokensAt(NOW).issue(claims)

    expect(expiresInS).toBe(600)
    expect(await tokensAt(NOW).verify(accessToken)).toEqual(claims)
  })

  test('carries no personal data and stays under 1 KB', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)

    const payload = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
    expect(Object.keys(payload).sort()).toEqual([
      'aud',
      'ep',
      'exp',
      'gen',
      'iat',
      'iss',
      'jti',
      'nbf',
      'sid',
      'sub',
    ])
    expect(accessToken.length).toBeLessThan(1024)
  })

  test('lives ten minutes and five seconds of tolerance', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)

    expect(await refusal(accessToken, NOW + 604_000)).toBe('accepted')
    expect(await refusal(accessToken, NOW + 606_000)).toBe('token_expired')
  })

  test.each([
    ['next', 'accepted'],
    ['retiring', 'accepted'],
  ] as const)('a token of the %s key is %s', async (state, outcome) => {
    const other = generateTokenKey('active')
    const { accessToken } = await tokensAt(NOW, { keys: parseTokenKeys(encodeTokenKeys([other])) }).issue(
      claims,
    )

    const rotated = parseTokenKeys(encodeTokenKeys([active, { ...other, state }]))

    expect(
      await tokensAt(NOW, { keys: rotated })
        .verify(accessToken)
        .then(() => 'accepted'),
    ).toBe(outcome)
  })

  test('a token of a key that is gone is refused', async () => {
    const gone = parseTokenKeys(encodeTokenKeys([generateTokenKey('active')]))
    const { accessToken } = await tokensAt(NOW, { keys: gone }).issue(claims)

    expect(await refusal(accessToken)).toBe('unauthenticated')
  })

  test.each([
    ['from another issuer', {}, { iss: 'other' }],
    ['for another app', {}, { aud: 'wx-other' }],
    ['of another type', { typ: 'JWT' }, {}],
    ['of a refresh type', { typ: 'rt+jwt' }, {}],
    ['with an unknown kid', { kid: 'unknown' }, {}],
    ['with critical headers', { crit: ['b64'], b64: true }, {}],
    ['not yet valid', {}, { nbf: NOW / 1000 + 60 }],
    ['without exp', {}, { exp: undefined }],
    ['without iat', {}, { iat: undefined }],
    ['without sid', {}, { sid: undefined }],
    ['without jti', {}, { jti: undefined }],
    ['without ep', {}, { ep: undefined }],
    ['with ep as text', {}, { ep: '3' }],
    ['issued 16 minutes ago and still not expired', {}, { iat: NOW / 1000 - 960 }],
  ])('a well-signed token %s is refused', async (_, header, payload) => {
    expect(['unauthenticated', 'token_expired']).toContain(await refusal(await forge(header, payload)))
  })

  test('the forge itself makes good tokens, so the refusals above have their stated cause', async () => {
    expect(await refusal(await forge({}))).toBe('accepted')
  })

  test.each([['none'], ['None'], ['NONE'], ['nOnE'], ['HS256'], ['ES384'], ['RS256'], ['EdDSA']])(
    'the algorithm %s is refused',
    async (alg) => {
      expect(
        await refusal(
          unsigned({ alg, typ: 'at+jwt', kid: active.kid }, alg.toLowerCase() === 'none' ? 'AA' : 'c2ln'),
        ),
      ).toBe('unauthenticated')
    },
  )

  test('HMAC with the public key as secret is refused', async () => {
    const { x, y } = keys.active.publicJwk
    const publicKey = await importJWK({ kty: 'EC', crv: 'P-256', x, y }, 'ES256', { extractable: true })
    if (publicKey instanceof Uint8Array) throw new TypeError('unexpected key')
    const [head, body] = unsigned({ alg: 'HS256', typ: 'at+jwt', kid: active.kid }).split('.')
    const mac = createHmac('sha256', await exportSPKI(publicKey))
      .update(`${head}.${body}`)
      .digest('base64url')

    expect(await refusal(`${head}.${body}.${mac}`)).toBe('unauthenticated')
  })

  test('a key brought along in the header is not used', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    const token = await new SignJWT({ sub: claims.userId })
      .setProtectedHeader({
        alg: 'ES256',
        typ: 'at+jwt',
        kid: active.kid,
        jwk,
        jku: 'http://127.0.0.1:1/keys',
      })
      .setExpirationTime('5m')
      .sign(privateKey)

    expect(await refusal(token)).toBe('unauthenticated')
  })

  test.each([
    ['nothing', ''],
    ['two parts', 'a.b'],
    ['five parts, as a JWE has', 'a.b.c.d.e'],
    ['the JSON serialization', '{"payload":"x"}'],
    ['empty parts', '..'],
    ['5,000 characters', 'x'.repeat(5_000)],
  ])('%s is refused', async (_, text) => {
    expect(await refusal(text)).toBe('unauthenticated')
  })

  test('changing any one character, adding one or dropping one gives a refusal', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)
    const other = fc.constantFrom(...'ABab09-_=. \n\0é')

    await fc.assert(
      fc.asyncProperty(
        fc.nat(accessToken.length - 1),
        other,
        fc.constantFrom('replace', 'insert', 'drop'),
        async (at, character, how) => {
          const kept = accessToken.slice(at + (how === 'insert' ? 0 : 1))
          const changed = accessToken.slice(0, at) + (how === 'drop' ? '' : character) + kept
          fc.pre(changed !== accessToken)
          expect(['unauthenticated', 'token_expired']).toContain(await refusal(changed))
        },
      ),
      { numRuns: 400 },
    )
  })

  test('every other spelling of the last character is refused', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)

    for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const changed = accessToken.slice(0, -1) + character
      if (changed !== accessToken) expect(await refusal(changed)).toBe('unauthenticated')
    }
    expect(isCanonical(accessToken)).toBe(true)
  })

  test('the key set shows public members only', () => {
    const { keys: shown } = tokensAt(NOW).jwks()

    expect(shown).toHaveLength(3)
    for (const key of shown)
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })
})

describe('access token that this instance has verified before', () => {
  /** An instance whose clock turns, and which has accepted the token at `NOW`. */
  async function acquainted(token: string) {
    let nowMs = NOW
    const tokens = createAccessTokens({ keys, issuer: 'xiaohan', audience: 'wx-app', clock: () => nowMs })
    const first = await tokens.verify(token)
    return {
      first,
      verify: (text: string) => tokens.verify(text),
      refusalAt(atMs: number, text = token) {
        nowMs = atMs
        return outcome(tokens.verify(text))
      },
    }
  }

  test('is known again, and what is known of it cannot be changed', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)
    const instance = await acquainted(accessToken)

    const again = await instance.verify(accessToken)

    expect(again).toBe(instance.first)
    expect(() => Object.assign(again, { userId: 'somebody else' })).toThrow(TypeError)
    expect(again).toEqual(claims)
  })

  test('is refused from the very second at which it has expired', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)
    const instance = await acquainted(accessToken)

    expect(await instance.refusalAt(NOW + 604_999)).toBe('accepted')
    expect(await instance.refusalAt(NOW + 605_000)).toBe('token_expired')
    expect(await instance.refusalAt(NOW + 86_400_000)).toBe('token_expired')
  })

  test('is refused when it is too old, however late it says it expires', async () => {
    const instance = await acquainted(await forge({}, { exp: NOW / 1000 + 86_400 }))

    expect(await instance.refusalAt(NOW + 905_999)).toBe('accepted')
    expect(await instance.refusalAt(NOW + 906_000)).toBe('token_expired')
  })

  test('is judged at every moment as by an instance that sees it for the first time', async () => {
    const offsetS = fc.integer({ min: -5, max: 5 })
    const lifeS = fc.integer({ min: 1, max: 1_000 })
    const laterS = fc.integer({ min: -20, max: 1_020 })

    await fc.assert(
      fc.asyncProperty(offsetS, offsetS, lifeS, laterS, async (issued, begins, life, later) => {
        const nowS = NOW / 1000
        const times = { iat: nowS + issued, nbf: nowS + begins, exp: nowS + life }
        const token = await forge({}, times)
        const instance = await acquainted(token)
        const edges = [times.exp + 5, times.iat + 905, times.nbf - 5, times.iat - 5, nowS + later]
        for (const atMs of edges.flatMap((at) => [at * 1_000 - 1, at * 1_000, at * 1_000 + 1_000]))
          expect(await instance.refusalAt(atMs)).toBe(await refusal(token, atMs))
      }),
      { numRuns: 60 },
    )
  })

  test('vouches for no token that differs from it in one character', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)
    const instance = await acquainted(accessToken)

    for (let at = 0; at < accessToken.length; at += 1) {
      const other = accessToken[at] === 'A' ? 'B' : 'A'
      const changed = accessToken.slice(0, at) + other + accessToken.slice(at + 1)
      expect(await instance.refusalAt(NOW, changed)).toBe('unauthenticated')
    }
    expect(await instance.refusalAt(NOW)).toBe('accepted')
  })

  test.each([
    ['a space before it', (token: string) => ` ${token}`],
    ['a line break after it', (token: string) => `${token}\n`],
    ['padding', (token: string) => `${token}=`],
    ['a zero byte', (token: string) => `${token}\0`],
    ['half a surrogate pair', (token: string) => `${token}\uD800`],
    ['its signature twice', (token: string) => `${token}.${token.split('.')[2]}`],
    ['another spelling of its last character', respelled],
  ])('vouches for no token that has %s', async (_, change) => {
    const { accessToken } = await tokensAt(NOW).issue(claims)
    const instance = await acquainted(accessToken)

    expect(await instance.refusalAt(NOW, change(accessToken))).toBe('unauthenticated')
  })

  test('vouches for none of its header and claims under another signature', async () => {
    const [one, two] = await Promise.all([tokensAt(NOW).issue(claims), tokensAt(NOW).issue(claims)])
    const instance = await acquainted(one.accessToken)
    await instance.verify(two.accessToken)

    const signature = two.accessToken.split('.')[2]
    const mixed = [...one.accessToken.split('.').slice(0, 2), signature].join('.')

    expect(await instance.refusalAt(NOW, mixed)).toBe('unauthenticated')
  })

  test('is not known to another instance, with other keys', async () => {
    const { accessToken } = await tokensAt(NOW).issue(claims)
    await acquainted(accessToken)
    const other = parseTokenKeys(encodeTokenKeys([generateTokenKey('active')]))

    expect(await outcome(tokensAt(NOW, { keys: other }).verify(accessToken))).toBe('unauthenticated')
  })

  test('a token that was refused is refused again', async () => {
    const instance = await acquainted(await forge({}))
    const bad = await forge({}, { aud: 'wx-other' })

    expect(await instance.refusalAt(NOW, bad)).toBe('unauthenticated')
    expect(await instance.refusalAt(NOW, bad)).toBe('unauthenticated')
  })
})

/** The same bytes with the spare bits of the last character set. */
function respelled(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const bytes = Buffer.from(token.split('.')[2] ?? '', 'base64url')
  const spelling = [...alphabet]
    .map((character) => token.slice(0, -1) + character)
    .find((text) => text !== token && Buffer.from(text.split('.')[2] ?? '', 'base64url').equals(bytes))
  if (spelling === undefined) throw new TypeError('The last character has no spare bits')
  return spelling
}
