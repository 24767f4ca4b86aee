import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { uuidText } from '#shared/ids.ts'

/**
 * The bytes of a refresh token, opaque to clients: version 0x01, session id (16), counter (unsigned varint),
 * HMAC-SHA256 of all that under the session's key (first 16), SHA-256 of all that (first 4). The checksum stops junk
 * before the database; the counter makes rotation one row instead of one row a token.
 */
const VERSION = 0x01
const SESSION_ID_BYTES = 16
const MAC_BYTES = 16
const CHECKSUM_BYTES = 4
const MAX_CHARS = 80

export interface RefreshToken {
  readonly sessionId: string
  readonly counter: number
  /** Whether it was made with this key; constant time. */
  isAuthentic(sessionKey: Uint8Array): boolean
}

export function encodeRefreshToken(sessionId: string, counter: number, sessionKey: Uint8Array): string {
  const id = Buffer.from(sessionId.replaceAll('-', ''), 'hex')
  const head = Buffer.concat([Buffer.of(VERSION), id, varint(counter)])
  const signed = Buffer.concat([head, mac(sessionKey, head)])
  return Buffer.concat([signed, checksum(signed)]).toString('base64url')
}

/** Reads a token's public parts; undefined for anything that we cannot have made, without any look-up. */
export function decodeRefreshToken(token: string): RefreshToken | undefined {
  if (token.length > MAX_CHARS) return undefined
  const bytes = Buffer.from(token, 'base64url')
  const headEnd = bytes.byteLength - CHECKSUM_BYTES - MAC_BYTES
  const signed = bytes.subarray(0, -CHECKSUM_BYTES)
  if (bytes.toString('base64url') !== token || headEnd <= 1 + SESSION_ID_BYTES || bytes[0] !== VERSION)
    return undefined
  if (!checksum(signed).equals(bytes.subarray(-CHECKSUM_BYTES))) return undefined
  const counterBytes = bytes.subarray(1 + SESSION_ID_BYTES, headEnd)
  const counter = readVarint(counterBytes)
  if (!varint(counter).equals(counterBytes)) return undefined
  const head = bytes.subarray(0, headEnd)
  return {
    sessionId: uuidText(bytes.subarray(1, 1 + SESSION_ID_BYTES)),
    counter,
    isAuthentic: (sessionKey) => timingSafeEqual(mac(sessionKey, head), signed.subarray(headEnd)),
  }
}

function mac(key: Uint8Array, head: Uint8Array): Buffer {
  return createHmac('sha256', key).update(head).digest().subarray(0, MAC_BYTES)
}

function checksum(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM_BYTES)
}

/** Seven bits a byte, least significant first, the high bit set on all but the last. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}

function readVarint(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 0x80 + (byte & 0x7f), 0)
}
