import { hkdfSync } from 'node:crypto'
import type { Keyring } from '#shared/keyring.ts'

export interface SigningKey {
  /** Names the master key it was derived from. */
  readonly kid: string
  /** 32 bytes in base64url. */
  readonly key: string
}

/**
 * The key a client signs its requests with: derived from the session and its refresh generation, so that nothing is
 * stored, nothing static ships in a client, and it changes at every refresh. @see RFC 5869 (HKDF-SHA256)
 */
export function sessionSigningKey(masters: Keyring, session: SigningSession): SigningKey {
  const { appId, sessionId, generation } = session
  const info = `mp-sign-v1\0${appId}\0${generation}`
  const key = Buffer.from(hkdfSync('sha256', masters.active, sessionId, info, 32))
  return { kid: masters.activeId, key: key.toString('base64url') }
}

export interface SigningSession {
  readonly appId: string
  readonly sessionId: string
  readonly generation: number
}
