import { createPrivateKey, type KeyObject } from 'node:crypto'

/** A merchant, as WeChat Pay knows it. */
export interface Merchant {
  readonly mchId: string
  /** Serial number of the merchant's API certificate, in hex. */
  readonly serial: string
  /** Of that certificate; RSA. */
  readonly privateKey: KeyObject
}

/** A private key in PEM, or in PEM as base64 of one line, for settings. @throws TypeError without the text */
export function parseMerchantKey(text: string): KeyObject {
  const key = keyFrom(text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64').toString())
  if (key.asymmetricKeyType !== 'rsa') throw new TypeError('must be an RSA private key')
  return key
}

function keyFrom(pem: string): KeyObject {
  try {
    // Settings on one line often carry line ends as two characters.
    return createPrivateKey(pem.replaceAll('\\n', '\n'))
  } catch {
    throw new TypeError('must be a private key in PEM, or that in base64')
  }
}
