import { createHash, timingSafeEqual } from 'node:crypto'

export interface RawData {
  /** As `wx.getUserInfo` gave it, character by character: parsing and printing it again breaks the signature. */
  readonly rawData: string
  readonly signature: string
  readonly sessionKey: string
}

/** Whether `signature` is hex SHA-1 of rawData and the session_key's text, compared in constant time. */
export function verifyRawData({ rawData, signature, sessionKey }: RawData): boolean {
  if (!/^[0-9a-f]{40}$/.test(signature)) return false
  const text = new TextEncoder()
  return timingSafeEqual(text.encode(rawDataSignature(rawData, sessionKey)), text.encode(signature))
}

export function rawDataSignature(rawData: string, sessionKey: string): string {
  return createHash('sha1')
    .update(rawData + sessionKey)
    .digest('hex')
}
