import { createDecipheriv } from 'node:crypto'
import { Fault } from '#shared/errors.ts'
import type { Secret } from '#shared/secret.ts'

/** Something that WeChat Pay sends encrypted: what a notification tells, or a platform certificate. */
export interface Resource {
  readonly nonce: string
  readonly associated_data?: string | undefined
  /** Base64 of the encrypted text with its tag behind it. */
  readonly ciphertext: string
}

const TAG_BYTES = 16
const NONCE_BYTES = 12

/** The APIv3 key of a setting. @throws TypeError unless it has 32 characters */
export function checkedApiKey(text: string): string {
  if (!/^[\x21-\x7e]{32}$/.test(text))
    throw new TypeError('must have 32 ASCII characters, as set in the merchant console')
  return text
}

/**
 * The text of an encrypted resource (AEAD_AES_256_GCM).
 *
 * @throws Fault validation_failed with the reason `cannot_decrypt`: another key, or tampered with
 */
export function openResource(
  apiKey: Secret,
  { nonce, associated_data: aad = '', ciphertext }: Resource,
): string {
  const sealed = Buffer.from(ciphertext, 'base64')
  const iv = Buffer.from(nonce)
  if (sealed.length < TAG_BYTES || iv.length !== NONCE_BYTES) throw cannotDecrypt()
  try {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(apiKey.reveal()), iv)
    decipher.setAAD(Buffer.from(aad)).setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]).toString()
  } catch {
    throw cannotDecrypt()
  }
}

function cannotDecrypt(): Fault {
  return new Fault('validation_failed', { details: [{ reason: 'cannot_decrypt' }] })
}
