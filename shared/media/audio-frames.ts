import { asBuffer } from './latin1.ts'

/** Kilobits a second of layer III by the header's four bits: MPEG 1, then MPEG 2 and 2.5 (ISO 11172-3, 13818-3). */
const BITRATES = {
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const
/** Hertz by the version's two bits (2.5, reserved, 2, 1), then by two more. */
const RATES = [[11_025, 12_000, 8_000], [], [22_050, 24_000, 16_000], [44_100, 48_000, 32_000]] as const

const ID3_HEADER_BYTES = 10
const LONGEST_HEADER_BYTES = 7

/** Whether this begins with MPEG layer III frames, after an ID3 tag or without one. */
export function isMp3(head: Uint8Array): boolean {
  const start = afterId3(head)
  // A tag with a cover may fill all there is to see.
  return (start > 0 && start >= head.length) || isFrames(head, start, layer3FrameBytes)
}

/** Whether this begins with AAC frames under ADTS headers (ISO 13818-7), after an ID3 tag or without one. */
export function isAdts(head: Uint8Array): boolean {
  return isFrames(head, afterId3(head), adtsFrameBytes)
}

/** The sync word alone is 11 bits, which any two bytes may be: the next frame must follow where this one says. */
function isFrames(
  head: Uint8Array,
  start: number,
  frameBytes: (head: Buffer, at: number) => number,
): boolean {
  const bytes = asBuffer(head)
  const first = frameBytes(bytes, start)
  if (first === 0) return false
  const next = start + first
  // The one frame of a very short file, or one that a long tag leaves no room to look behind.
  if (next + LONGEST_HEADER_BYTES > bytes.length) return next === bytes.length || start > 0
  return frameBytes(bytes, next) > 0
}

/** Bytes of the frame at this place; 0 when there is none. */
function layer3FrameBytes(head: Buffer, at: number): number {
  if (at + 4 > head.length) return 0
  const header = head.readUInt32BE(at)
  const isLayer3 = header >>> 21 === 0x7ff && ((header >>> 17) & 3) === 1
  const version = (header >>> 19) & 3
  const rate = RATES[version]?.[(header >>> 10) & 3]
  const kilobits = BITRATES[version === 3 ? 1 : 2][(header >>> 12) & 15]
  if (!isLayer3 || rate === undefined || kilobits === undefined || kilobits === 0) return 0
  return Math.floor(((version === 3 ? 144_000 : 72_000) * kilobits) / rate) + ((header >>> 9) & 1)
}

function adtsFrameBytes(head: Buffer, at: number): number {
  if (at + 7 > head.length) return 0
  // Sync word and layer 0; version and the absence of a CRC are free.
  const isSync = (head.readUInt16BE(at) & 0xfff6) === 0xfff0
  const bytes = (head.readUInt32BE(at + 3) >>> 13) & 0x1fff
  const hasRate = ((head.readUInt8(at + 2) >>> 2) & 15) < 13
  return isSync && hasRate && bytes > 7 ? bytes : 0
}

/** Where an ID3v2 tag and the zeros that some writers put behind it end; 0 without one. Its length is written seven bits a byte. */
function afterId3(head: Uint8Array): number {
  const [i, d, three, , , , a = 0, b = 0, c = 0, e = 0] = head
  if (i !== 0x49 || d !== 0x44 || three !== 0x33 || head.length < ID3_HEADER_BYTES) return 0
  if ((a | b | c | e) > 0x7f) return 0
  let end = ID3_HEADER_BYTES + ((a << 21) | (b << 14) | (c << 7) | e)
  while (head[end] === 0) end += 1
  return end
}
