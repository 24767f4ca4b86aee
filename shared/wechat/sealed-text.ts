import { Buffer } from 'node:buffer'
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Encrypts what is kept in the state store, which many may read. */
export interface SealedText {
  seal(text: string): string
  /** The text, or undefined when it was not sealed with the same material for the same purpose. */
  open(sealed: string): string | undefined
}

const ALGORITHM = 'aes-256-gcm'
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/** Seals with a key that only a holder of `material` can derive. `purpose` keeps uses of one material apart. */
export function sealedText(material: string, purpose: string): SealedText {
  const key = new Uint8Array(hkdfSync('sha256', material, 'xiaohan', purpose, KEY_BYTES))

  function seal(text: string): string {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(ALGORITHM, key, iv)
    return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
      'base64url',
    )
  }

  function open(sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    if (bytes.byteLength < IV_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    try {
      return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      return undefined // sealed by someone else, or changed: as good as not there
    }
  }

  return { seal, open }
}
