import { createHmac } from 'node:crypto'

/**
 * Proves to WeChat that we hold a user's session_key: lower-case hex of HMAC-SHA256. The key is the base64 text as
 * it came, not the bytes it stands for; a GET signs the empty message.
 */
export function sessionSignature(sessionKey: string, message = ''): string {
  return createHmac('sha256', sessionKey).update(message).digest('hex')
}
