import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'

/**
 * WeChat Pay's own keys by the serial that its messages name: public keys (`PUB_KEY_ID_…`), and platform certificates
 * of older merchants. While a merchant moves from one kind to the other, messages by both arrive.
 */
export type PlatformKeys = ReadonlyMap<string, KeyObject>

const PUBLIC_KEY_ID = /^PUB_KEY_ID_[0-9A-Za-z]{1,64}$/

/**
 * Reads keys from a setting: `PUB_KEY_ID_…:<PEM in base64>` for a public key, `<PEM in base64>` for a certificate, which
 * names its own serial; several separated by commas.
 *
 * @throws TypeError that says which entry is wrong, never what it holds
 */
export function parsePlatformKeys(text: string): PlatformKeys {
  const entries = text.split(',').map((entry) => entry.trim())
  return new Map(entries.map((entry, index) => platformKey(entry, index + 1)))
}

function platformKey(entry: string, place: number): readonly [string, KeyObject] {
  const [first = '', second] = entry.split(':')
  try {
    if (second === undefined) return certificateKey(pemOf(first))
    if (PUBLIC_KEY_ID.test(first)) return [first, rsa(createPublicKey(pemOf(second)))]
  } catch {
    // told below, without the text
  }
  throw new TypeError(
    `must hold PUB_KEY_ID_…:<PEM in base64> or <certificate in base64>; entry ${place} is neither`,
  )
}

/** The key of a platform certificate in PEM, by its serial number in upper-case hex. */
export function certificateKey(pem: string): readonly [string, KeyObject] {
  const { serialNumber, publicKey } = new X509Certificate(pem)
  return [serialNumber.toUpperCase(), rsa(publicKey)]
}

function pemOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString()
}

function rsa(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'rsa') throw new TypeError('not RSA')
  return key
}
