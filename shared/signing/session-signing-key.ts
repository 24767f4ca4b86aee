import { hkdfSync } from 'node:crypto'
import type { Keyring } from '#shared/keyring.ts'

export interface SigningKey {
  /** Names the master key it was derived from. */
  readonly kid: string
  /** 32 bytes in base64url. */
  readonly key: string
}

/** What a session's key is derived from, besides a master key. */
export interface SessionKeyFacts {
  readonly appId: string
  readonly sessionId: string
  /** The refresh generation: a refreshed session has another key. */
  readonly generation: number
}

/**
 * The key a client signs its requests with: derived from the session and its refresh generation, so that nothing is
 * stored, nothing static ships in a client, and it changes at every refresh.
 */
export function sessionSigningKey(masters: Keyring, session: SessionKeyFacts): SigningKey {
  const key = deriveSessionKey(masters.active, session)
  return { kid: masters.activeId, key: key.toString('base64url') }
}

/** The session's key under the master that `kid` names; undefined when it was never known or has been retired. */
export function sessionKeyOf(masters: Keyring, kid: string, session: SessionKeyFacts): Buffer | undefined {
  const master = masters.get(kid)
  return master === undefined ? undefined : deriveSessionKey(master, session)
}

/** @see RFC 5869 (HKDF-SHA256) */
function deriveSessionKey(master: Uint8Array, { appId, sessionId, generation }: SessionKeyFacts): Buffer {
  const info = `mp-sign-v1\0${appId}\0${generation}`
  return Buffer.from(hkdfSync('sha256', master, sessionId, info, 32))
}
