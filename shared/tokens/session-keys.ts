import type { Keyring } from '#shared/keyring.ts'
import { seal, unseal } from '#shared/seal.ts'

// Two keys of a session are kept, encrypted for their very row: the one its refresh tokens are made with, and
// WeChat's session_key of the login it began with, which never leaves the server.

export function sealRefreshKey(dataKeys: Keyring, sessionId: string, key: Uint8Array): string {
  return seal(dataKeys, Buffer.from(key).toString('base64url'), `sessions.key:${sessionId}`)
}

export function unsealRefreshKey(dataKeys: Keyring, sessionId: string, sealed: string): Uint8Array {
  return Buffer.from(unseal(dataKeys, sealed, `sessions.key:${sessionId}`), 'base64url')
}

export function sealWechatKey(dataKeys: Keyring, sessionId: string, wechatKey: string): string {
  return seal(dataKeys, wechatKey, `sessions.wechat_key:${sessionId}`)
}

export function unsealWechatKey(dataKeys: Keyring, sessionId: string, sealed: string): string {
  return unseal(dataKeys, sealed, `sessions.wechat_key:${sessionId}`)
}
