import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import * as v from 'valibot'
import { secret, type Secret } from '#shared/secret.ts'

/**
 * Life of a signing key: `next` is published and not used yet, `active` signs, `retiring` still verifies. Rotation
 * moves each one step on and waits 15 minutes between the steps, longer than a token lives or a key set is cached.
 */
export type KeyState = 'next' | 'active' | 'retiring'

const text = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/))

const KeySet = v.object({
  keys: v.pipe(
    v.array(
      v.object({
        kid: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)),
        kty: v.literal('EC'),
        crv: v.literal('P-256'),
        x: text,
        y: text,
        d: v.optional(text),
        state: v.picklist(['next', 'active', 'retiring']),
      }),
    ),
    v.minLength(1),
  ),
})

export interface TokenKey {
  readonly kid: string
  readonly state: KeyState
  readonly publicJwk: { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  /** The private scalar; absent where a deployment only verifies. */
  readonly privateScalar: Secret | undefined
}

export interface TokenKeys {
  readonly active: TokenKey
  readonly all: readonly TokenKey[]
}

/**
 * Reads a JWK set of ES256 keys, each with its `state`, in base64url (as `npm run keys` prints it) or as JSON.
 *
 * @throws TypeError that says what is wrong, without the value.
 */
export function parseTokenKeys(setting: string): TokenKeys {
  const json = setting.startsWith('{') ? setting : Buffer.from(setting, 'base64url').toString()
  const parsed = v.safeParse(KeySet, parseJson(json))
  if (!parsed.success)
    throw new TypeError('must be a JWK set of P-256 keys with states (make it with: npm run keys)')
  const all = parsed.output.keys.map(({ kid, state, kty, crv, x, y, d }) => ({
    kid,
    state,
    publicJwk: { kty, crv, x, y },
    privateScalar: d === undefined ? undefined : secret(d),
  }))
  const [active, ...others] = all.filter((key) => key.state === 'active')
  if (active === undefined || others.length > 0)
    throw new TypeError('must have exactly one key with the state active')
  if (!all.every((key) => isPublicKey(key.publicJwk)))
    throw new TypeError('has a key that is no point of P-256')
  if (new Set(all.map((key) => key.kid)).size !== all.length) throw new TypeError('has a kid twice')
  return { active, all }
}

/**
 * The same for a function that issues tokens: the active key must be whole and of one piece, which otherwise would show
 * at the first login, when the login code is spent.
 */
export function parseSigningTokenKeys(setting: string): TokenKeys {
  const keys = parseTokenKeys(setting)
  const { publicJwk, privateScalar } = keys.active
  if (privateScalar === undefined) throw new TypeError('has no private key for its active key')
  const probe = Buffer.from('probe')
  const signature = attempt(() => {
    const jwk = { ...publicJwk, d: privateScalar.reveal() }
    return sign('sha256', probe, createPrivateKey({ key: jwk, format: 'jwk' }))
  })
  const key = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
  if (signature === undefined || !verify('sha256', probe, key, signature)) {
    throw new TypeError('has an active key whose private and public halves do not belong together')
  }
  return keys
}

/** @see SP 800-186 §3.2.1.3 (P-256), SEC 1 §3.2.2.1 (public keys): both coordinates below p, y² = x³ − 3x + b */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn

/** Reckoned here: every function checks its keys as it starts, and `node:crypto` takes longer to load than this to do. */
function isPublicKey({ x: textX, y: textY }: TokenKey['publicJwk']): boolean {
  const [x, y] = [coordinate(textX), coordinate(textY)]
  return x < P && y < P && (y * y - (x * x * x - 3n * x + B)) % P === 0n
}

function coordinate(text: string): bigint {
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined // the caller says what that means; the error's text could hold key material
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined // the schema then refuses it
  }
}
