import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Keyring } from './keyring.ts'

const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts a text for keeping: `s1.<key id>.<base64url of iv, ciphertext and tag>`. `context` names the place it
 * belongs to, such as `users.phone:<id>`, so that a value moved to another row or column does not open.
 */
export function seal(keyring: Keyring, text: string, context: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(ALGORITHM, keyring.active, iv).setAAD(Buffer.from(context))
  const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `s1.${keyring.activeId}.${sealed.toString('base64url')}`
}

/**
 * Opens what `seal` made.
 *
 * @throws TypeError when the key is unknown or the text was changed or belongs elsewhere.
 */
export function unseal(keyring: Keyring, sealed: string, context: string): string {
  const [version, id = '', data = ''] = sealed.split('.')
  const key = keyring.get(id)
  if (version !== 's1' || key === undefined) {
    throw new TypeError(`Cannot open sealed data of ${context}: its key "${id}" is not in DATA_KEYS`)
  }
  const bytes = Buffer.from(data, 'base64url')
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(context))
    .setAuthTag(bytes.subarray(-TAG_BYTES))
  return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
}
