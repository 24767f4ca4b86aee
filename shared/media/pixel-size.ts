import { contentFault } from './content-fault.ts'
import { asBuffer } from './latin1.ts'
import type { MediaType } from './media-types.ts'
import { HEAD_BYTES } from './sniff-type.ts'

export interface PixelSize {
  readonly width: number
  readonly height: number
}

const MAX_PIXELS = 40_000_000
const MAX_SIDE = 16_384

interface Reader {
  /** How many bytes of the file it wants. */
  readonly bytes: number
  /** Undefined where the file says it behind the bytes given. */
  readonly size: (head: Buffer) => PixelSize | undefined
}

/** How each kind of picture says how large it is. */
const READERS: Partial<Record<MediaType, Reader>> = {
  'image/jpeg': { bytes: 4, size: jpegSize },
  'image/png': { bytes: 24, size: pngSize },
  'image/gif': {
    bytes: 10,
    size: (head) => ({ width: head.readUInt16LE(6), height: head.readUInt16LE(8) }),
  },
  // Not even a picture of one pixel is shorter.
  'image/webp': { bytes: 30, size: webpSize },
}

/**
 * Refuses a picture whose header announces more pixels than a phone should be made to decode, or none. A JPEG whose frame header
 * lies behind `head` passes: metadata may come to megabytes, and `withoutMetadata` looks again.
 *
 * @throws Fault unsupported_media_type
 */
export function checkPixels(type: MediaType, head: Uint8Array): void {
  const reader = READERS[type]
  if (reader === undefined) return
  if (head.length < reader.bytes) throw truncated()
  const size = reader.size(asBuffer(head))
  if (size !== undefined) checkSize(size)
}

/** @throws Fault unsupported_media_type */
export function checkSize({ width, height }: PixelSize): void {
  if (width === 0 || height === 0) throw contentFault('malformed', 'the picture has no size')
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
    throw contentFault('too_many_pixels', `more than ${MAX_PIXELS} pixels, or a side above ${MAX_SIDE}`, {
      width,
      height,
    })
}

/** Start of frame: C0 to CF without the tables DHT, JPG and DAC among them (ITU T.81, table B.1). */
export function isFrameMarker(code: number): boolean {
  return code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc
}

/** Of a frame header that begins with its marker. */
export function frameSize(header: Buffer): PixelSize {
  return { height: header.readUInt16BE(5), width: header.readUInt16BE(7) }
}

function jpegSize(head: Buffer): PixelSize | undefined {
  for (let at = 2; at + 4 <= head.length;) {
    const code = head.readUInt8(at + 1)
    if (head.readUInt8(at) !== 0xff)
      throw contentFault('malformed', 'the JPEG has no marker where one must be')
    if (isFrameMarker(code) && at + 9 <= head.length) return frameSize(head.subarray(at))
    if (isBare(code)) throw contentFault('malformed', 'the JPEG has no frame header')
    at += code === 0xff ? 1 : 2 + head.readUInt16BE(at + 2)
  }
  if (head.length < HEAD_BYTES) throw truncated()
  return undefined
}

/** Markers that cannot come before the frame header, most of them because nothing may follow their code. */
function isBare(code: number): boolean {
  return code <= 0x01 || (code >= 0xd0 && code <= 0xda)
}

function pngSize(head: Buffer): PixelSize {
  if (head.toString('latin1', 12, 16) !== 'IHDR')
    throw contentFault('malformed', 'the PNG does not begin with IHDR')
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) }
}

/** @see RFC 9649 §2.5 to §2.7 */
function webpSize(head: Buffer): PixelSize {
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 }
    case 'VP8L': {
      const bits = head.readUInt32LE(21)
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8 ':
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff }
    default:
      throw contentFault('malformed', 'the WebP does not begin with a picture')
  }
}

function truncated(): Error {
  return contentFault('truncated', 'the file ends inside its header')
}
