import { hkdfSync } from 'node:crypto'

export interface UserKeyFacts {
  readonly appId: string
  readonly sessionId: string
  /** WeChat's number of the key. */
  readonly version: number
}

const KID = /^wx\.(?<version>0|[1-9]\d{0,8})$/

/**
 * The key of a caller who has WeChat's own user key: derived from its 16 bytes, which WeChat gives to the client and to
 * us and which never pass between the two. @see RFC 5869 (HKDF-SHA256)
 */
export function userSigningKey(encryptKey: Uint8Array, { appId, sessionId, version }: UserKeyFacts): Buffer {
  const info = `mp-user-key-v1\0${appId}\0${version}`
  return Buffer.from(hkdfSync('sha256', encryptKey, sessionId, info, 32))
}

/** The version in a key id `wx.<version>`; undefined for any other id. */
export function userKeyVersion(kid: string): number | undefined {
  const version = KID.exec(kid)?.groups?.['version']
  return version === undefined ? undefined : Number(version)
}
