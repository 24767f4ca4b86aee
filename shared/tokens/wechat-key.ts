import { type Keyring } from '#shared/keyring.ts'
import { seal, unseal } from '#shared/seal.ts'

/** Encrypts WeChat's session_key for the sessions table; it never leaves the server. */
export function sealWechatKey(dataKeys: Keyring, sessionId: string, wechatKey: string): string {
  return seal(dataKeys, wechatKey, context(sessionId))
}

export function unsealWechatKey(dataKeys: Keyring, sessionId: string, sealed: string): string {
  return unseal(dataKeys, sealed, context(sessionId))
}

function context(sessionId: string): string {
  return `sessions.wechat_key:${sessionId}`
}
