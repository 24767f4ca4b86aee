import { Buffer } from 'node:buffer'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Seals messages between WeChat and one mini-program. */
export interface PushCipher {
  /** In base64. `random` is 16 bytes, fresh ones unless given. */
  encrypt(message: string, random?: Uint8Array): string
  /** The message; undefined for anything that was not sealed with this key for this mini-program. */
  decrypt(encrypted: string): string | undefined
}

export interface PushCipherOptions {
  /** 43 letters and digits. */
  readonly encodingAesKey: string
  readonly appId: string
}

const ALGORITHM = 'aes-256-cbc'
const RANDOM_BYTES = 16
const HEADER_BYTES = RANDOM_BYTES + 4
/** Of the padding; the cipher's own blocks have 16. */
const BLOCK_BYTES = 32
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The frame is 16 random bytes, the message's length in 4, the message and the appid, padded to 32 by PKCS#7. */
export function createPushCipher({ encodingAesKey, appId }: PushCipherOptions): PushCipher {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64')
  const iv = key.subarray(0, 16)

  function encrypt(message: string, random: Uint8Array = randomBytes(RANDOM_BYTES)): string {
    const text = Buffer.from(message)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(text.byteLength)
    const frame = padded(Buffer.concat([random, length, text, Buffer.from(appId)]))
    const cipher = createCipheriv(ALGORITHM, key, iv).setAutoPadding(false)
    return cipher.update(frame, undefined, 'base64') + cipher.final('base64')
  }

  function decrypt(encrypted: string): string | undefined {
    if (!BASE64.test(encrypted)) return undefined
    const sealed = Buffer.from(encrypted, 'base64')
    if (sealed.byteLength === 0 || sealed.byteLength % BLOCK_BYTES !== 0) return undefined
    // Padding of up to 32 bytes is beyond what the runtime's own check takes.
    const decipher = createDecipheriv(ALGORITHM, key, iv).setAutoPadding(false)
    const frame = unpadded(Buffer.concat([decipher.update(sealed), decipher.final()]))
    return frame === undefined ? undefined : readFrame(frame)
  }

  function readFrame(frame: Buffer): string | undefined {
    if (frame.byteLength < HEADER_BYTES) return undefined
    const end = HEADER_BYTES + frame.readUInt32BE(RANDOM_BYTES)
    // A longer length than there is leaves no appid either.
    if (frame.toString('utf8', end) !== appId) return undefined
    return textOf(frame.subarray(HEADER_BYTES, end))
  }

  return { encrypt, decrypt }
}

function padded(frame: Buffer): Buffer {
  const size = BLOCK_BYTES - (frame.byteLength % BLOCK_BYTES)
  return Buffer.concat([frame, Buffer.alloc(size, size)])
}

function unpadded(frame: Buffer): Buffer | undefined {
  const size = frame.at(-1) ?? 0
  const isPadding = size >= 1 && size <= BLOCK_BYTES && frame.subarray(-size).every((byte) => byte === size)
  return isPadding ? frame.subarray(0, -size) : undefined
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined // no text that WeChat writes
  }
}
