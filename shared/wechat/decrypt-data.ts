import { Buffer } from 'node:buffer'
import { createDecipheriv } from 'node:crypto'
import { Fault } from '#shared/errors.ts'
import { literal, looseObject, safeParse } from 'valibot'

export interface SealedData {
  readonly sessionKey: string
  readonly iv: string
  readonly encryptedData: string
  /** Our own; data of another mini-program is refused. */
  readonly appId: string
}

const BLOCK_BYTES = 16
const MAX_CHARS = 16 * 1024
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * Opens `encryptedData` of the older client interfaces (AES-128-CBC, PKCS#7). The usual cause of failure is a
 * `wx.login` between the data and this call, which replaced the session_key.
 *
 * @throws Fault validation_failed with the reason `session_key_mismatch`, whatever the cause: telling a padding error from
 * a wrong appid would let a forger decrypt byte by byte
 */
export function decryptData({
  sessionKey,
  iv,
  encryptedData,
  appId,
}: SealedData): Readonly<Record<string, unknown>> {
  const data = decrypt(sessionKey, iv, encryptedData)
  const Ours = looseObject({ watermark: looseObject({ appid: literal(appId) }) })
  const result = safeParse(Ours, data)
  if (!result.success) throw sessionKeyMismatch()
  return result.output
}

/** The one answer to all data that does not fit the session_key. */
export function sessionKeyMismatch(): Fault {
  return new Fault('validation_failed', {
    details: [{ reason: 'session_key_mismatch', message: 'call wx.login, then send data made after it' }],
  })
}

function decrypt(sessionKey: string, iv: string, encryptedData: string): unknown {
  const key = block(sessionKey)
  const start = block(iv)
  if (key === undefined || start === undefined) return undefined
  if (encryptedData.length > MAX_CHARS || !BASE64.test(encryptedData)) return undefined
  try {
    const decipher = createDecipheriv('aes-128-cbc', key, start)
    return JSON.parse(decipher.update(encryptedData, 'base64', 'utf8') + decipher.final('utf8'))
  } catch {
    return undefined // every cause is the same to the caller
  }
}

function block(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64')
  return bytes.byteLength === BLOCK_BYTES && bytes.toString('base64') === base64 ? bytes : undefined
}
