import { createCipheriv, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12

/** A text as WeChat Pay encrypts it for a merchant: what a notification tells, or a certificate. */
export function sealedResource(key: Uint8Array, text: string, about: string) {
  const nonce = randomBytes(NONCE_BYTES / 2).toString('hex')
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.from(nonce)).setAAD(Buffer.from(about))
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
  return {
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: sealed.toString('base64'),
    associated_data: about,
    nonce,
  }
}
