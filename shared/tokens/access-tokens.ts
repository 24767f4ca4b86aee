import {
  errors,
  importJWK,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWTHeaderParameters,
  type JWTPayload,
} from 'jose'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { randomId } from '#shared/ids.ts'
import { once } from '#shared/once.ts'
import type { TokenKey, TokenKeys } from './token-keys.ts'
import { type VerifiedToken, verifiedTokens } from './verified-tokens.ts'

export interface AccessClaims {
  readonly userId: string
  readonly sessionId: string
  /** The user's epoch at issue. */
  readonly epoch: number
  /** The refresh generation at issue; session signing keys are derived from it. */
  readonly generation: number
}

export interface AccessTokens {
  /** A signed access token and its life in seconds. */
  issue(claims: AccessClaims): Promise<{ readonly accessToken: string; readonly expiresInS: number }>
  /** @throws Fault `token_expired` for an otherwise good token, `unauthenticated` for anything else. */
  verify(token: string): Promise<AccessClaims>
  /** The public keys as a JWK set. @see RFC 7517 §5 */
  jwks(): { readonly keys: readonly object[] }
}

export interface AccessTokensOptions {
  readonly keys: TokenKeys
  readonly issuer: string
  readonly audience: string
  readonly clock: Clock
}

export const ACCESS_TOKEN_LIFE_S = 600
export const CLOCK_TOLERANCE_S = 5

/** However late a token says it expires. */
const MAX_AGE_S = 900
const ALGORITHM = 'ES256'
const TYPE = 'at+jwt'
const MAX_TOKEN_CHARS = 2_048
/** Verified tokens to remember: about 1.5 MB. */
const MAX_REMEMBERED = 4_096
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const REQUIRED_CLAIMS = ['exp', 'iat', 'nbf', 'sub', 'sid', 'jti', 'ep', 'gen']

/** ES256 access tokens of ten minutes. @see RFC 9068 (at+jwt), RFC 8725 (checks) */
export function createAccessTokens({ keys, issuer, audience, clock }: AccessTokensOptions): AccessTokens {
  const signingKey = once(() => importPrivate(keys.active))
  const verifyingKeys = new Map(keys.all.map((key) => [key.kid, once(() => importPublic(key))]))
  // The keys, the issuer and the audience that a token was verified under are those of this instance for good.
  const known = verifiedTokens(MAX_REMEMBERED)

  async function issue({ userId, sessionId, epoch, generation }: AccessClaims) {
    const nowS = Math.floor(clock() / 1000)
    const accessToken = await new SignJWT({ sid: sessionId, ep: epoch, gen: generation })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: keys.active.kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(userId)
      .setJti(randomId())
      .setIssuedAt(nowS)
      .setNotBefore(nowS)
      .setExpirationTime(nowS + ACCESS_TOKEN_LIFE_S)
      .sign(await signingKey())
    return { accessToken, expiresInS: ACCESS_TOKEN_LIFE_S }
  }

  async function verify(token: string): Promise<AccessClaims> {
    if (token.length > MAX_TOKEN_CHARS) throw new Fault('unauthenticated')
    const nowMs = clock()
    const nowS = Math.floor(nowMs / 1000)
    const found = known.find(token, nowS)
    if (found !== undefined) return found
    // Only what is accepted here is remembered, so every refusal, a token's last second included, is made here.
    const verified = readVerified(await verifyInFull(token, nowMs))
    known.add(token, verified, nowS)
    return verified.claims
  }

  async function verifyInFull(token: string, nowMs: number): Promise<JWTPayload> {
    if (!isCanonical(token)) throw new Fault('unauthenticated')
    try {
      const { payload } = await jwtVerify(token, findKey, {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer,
        audience,
        requiredClaims: REQUIRED_CLAIMS,
        maxTokenAge: MAX_AGE_S,
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(nowMs),
      })
      return payload
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new Fault('token_expired')
      if (error instanceof errors.JOSEError) throw new Fault('unauthenticated')
      throw error
    }
  }

  function findKey(header: JWTHeaderParameters): Promise<CryptoKey> {
    const key = verifyingKeys.get(header.kid ?? '')
    // We write three members; a fourth (jwk, jku, x5u, crit, b64) can only be somebody's attempt.
    if (key === undefined || Object.keys(header).length !== 3) throw new errors.JWKSNoMatchingKey()
    return key()
  }

  function jwks() {
    return {
      keys: keys.all.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: ALGORITHM, use: 'sig' })),
    }
  }

  return { issue, verify, jwks }
}

/**
 * Whether the string is the one spelling of its bytes. Base64url leaves spare bits in a last character and jose skips
 * padding and white space, so several strings would verify as the same token; only one may.
 *
 * @see RFC 8725bis §3.14
 */
export function isCanonical(token: string): boolean {
  return (
    token.length <= MAX_TOKEN_CHARS &&
    COMPACT.test(token) &&
    token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
  )
}

/** The claims, and the seconds in which `jwtVerify` accepts them. */
function readVerified({ sub, sid, ep, gen, iat, nbf, exp }: JWTPayload): VerifiedToken {
  if (
    typeof sub !== 'string' ||
    typeof sid !== 'string' ||
    typeof ep !== 'number' ||
    typeof gen !== 'number' ||
    typeof iat !== 'number' ||
    typeof nbf !== 'number' ||
    typeof exp !== 'number'
  ) {
    throw new Fault('unauthenticated')
  }
  return {
    // Several requests are given the same object.
    claims: Object.freeze({ userId: sub, sessionId: sid, epoch: ep, generation: gen }),
    fromS: Math.max(iat, nbf) - CLOCK_TOLERANCE_S,
    // Expiry is the first second that is refused; the greatest age is the last that is not.
    untilS: Math.min(exp - 1, iat + MAX_AGE_S) + CLOCK_TOLERANCE_S,
  }
}

function importPublic(key: TokenKey): Promise<CryptoKey> {
  return importKey({ ...key.publicJwk })
}

function importPrivate(key: TokenKey): Promise<CryptoKey> {
  if (key.privateScalar === undefined)
    throw new TypeError('Cannot issue tokens: TOKEN_KEYS has no private key')
  return importKey({ ...key.publicJwk, d: key.privateScalar.reveal() })
}

async function importKey(jwk: {
  kty: 'EC'
  crv: 'P-256'
  x: string
  y: string
  d?: string
}): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM)
  if (key instanceof Uint8Array) throw new TypeError('An EC key cannot be symmetric')
  return key
}
