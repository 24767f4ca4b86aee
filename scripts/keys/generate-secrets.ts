import { generateKeyPairSync, randomBytes } from 'node:crypto'

/** One ES256 key of `TOKEN_KEYS`, as a private JWK with its state. */
export interface TokenJwk {
  readonly kid: string
  readonly state: 'next' | 'active' | 'retiring'
  readonly [member: string]: unknown
}

type Setting =
  | 'TOKEN_KEYS'
  | 'DATA_KEYS'
  | 'INDEX_KEY'
  | 'SIGNING_KEYS'
  | 'PARTNER_KEYS'
  | 'WECHAT_PUSH_TOKEN'
  | 'WECHAT_PUSH_AES_KEY'

/** The partner that a fresh set has: whoever holds the settings. */
export const OWN_PARTNER = 'local'

/** A complete, fresh set of the secrets that every deployment needs, by the names of their settings. */
export function generateSecrets(): Record<Setting, string> {
  return {
    TOKEN_KEYS: encodeTokenKeys([generateTokenKey('active'), generateTokenKey('next')]),
    DATA_KEYS: generateKeyring(),
    INDEX_KEY: randomBytes(32).toString('base64url'),
    SIGNING_KEYS: generateKeyring(),
    PARTNER_KEYS: generatePartnerEntry(OWN_PARTNER),
    WECHAT_PUSH_TOKEN: lettersAndDigits(32),
    WECHAT_PUSH_AES_KEY: lettersAndDigits(43),
  }
}

export function generateTokenKey(state: TokenJwk['state']): TokenJwk {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { kid: newKeyId(), state, ...privateKey.export({ format: 'jwk' }) }
}

/** The key in use and the one that follows it. */
function generateKeyring(): string {
  return `${generateKeyringEntry()},${generateKeyringEntry()}`
}

/** `id:key`, 32 random bytes in base64url. */
export function generateKeyringEntry(): string {
  return `${newKeyId()}:${randomBytes(32).toString('base64url')}`
}

/** `partner.id:key`, 32 random bytes in base64url. */
export function generatePartnerEntry(partner: string): string {
  return `${partner}.${generateKeyringEntry()}`
}

export function encodeTokenKeys(keys: readonly TokenJwk[]): string {
  return Buffer.from(JSON.stringify({ keys })).toString('base64url')
}

/** What WeChat's console takes for a token or a key; each of the 62 characters is as likely. */
function lettersAndDigits(length: number): string {
  const text = randomBytes(2 * length)
    .toString('base64')
    .replace(/[+/=]/g, '')
  // Of twice as many random bytes enough are left but for a chance below 2^-100.
  return text.length >= length ? text.slice(0, length) : lettersAndDigits(length)
}

/** `k` + date + 4 random characters, so that a person sees a key's age. */
function newKeyId(): string {
  return `k${new Date().toISOString().slice(2, 10).replaceAll('-', '')}${randomBytes(3).toString('base64url').replace(/[-_]/g, '0')}`
}
