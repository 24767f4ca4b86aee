import { crc32 } from 'node:zlib'
import { contentFault } from './content-fault.ts'
import { orientationIn, orientationTiff } from './orientation.ts'
import type { PassingBytes, Step } from './passing-bytes.ts'
import { checkPixels } from './pixel-size.ts'

const SIGNATURE_BYTES = 8
const HEADER_BYTES = 8
const CRC_BYTES = 4
const BEGINNING_BYTES = SIGNATURE_BYTES + HEADER_BYTES + 13
const MAX_EXIF_BYTES = 64 * 1024
// Writers that are sparing with memory make chunks of 8 KB.
const MAX_CHUNKS = 65_536
const MAX_CHUNK_BYTES = 2 ** 31 - 1

/** What showing a PNG takes, animated or not (W3C PNG, third edition). Text, times and private chunks are none of it. */
const KEPT: ReadonlySet<string> = new Set(
  'IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs acTL fcTL fdAT'.split(' '),
)

/**
 * Keeps what a PNG needs to be shown, up to its end, and of its Exif how to turn it.
 *
 * @throws Fault unsupported_media_type for one that is malformed, not whole or too large
 */
export function* plainPng(bytes: PassingBytes): Step<void> {
  checkPixels('image/png', yield* bytes.peek(BEGINNING_BYTES))
  yield* bytes.keep(SIGNATURE_BYTES)
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk += 1) {
    const header = yield* bytes.peek(HEADER_BYTES)
    if (header.length < HEADER_BYTES) throw contentFault('truncated', 'the file is not whole')
    const dataBytes = header.readUInt32BE(0)
    const name = header.toString('latin1', 4, 8)
    const size = HEADER_BYTES + dataBytes + CRC_BYTES
    if (dataBytes > MAX_CHUNK_BYTES || !/^[A-Za-z]{4}$/.test(name)) throw malformed()
    if (name === 'eXIf' && dataBytes <= MAX_EXIF_BYTES) yield* putOrientation(bytes, dataBytes)
    if (KEPT.has(name)) yield* bytes.keep(size)
    // A capital first letter says that the picture cannot be shown without it.
    else if (name < 'a') throw malformed()
    else yield* bytes.drop(size)
    if (name === 'IEND') return
  }
  throw malformed()
}

function* putOrientation(bytes: PassingBytes, dataBytes: number): Step<void> {
  const chunk = yield* bytes.peek(HEADER_BYTES + dataBytes)
  const orientation = orientationIn(chunk.subarray(HEADER_BYTES))
  if (orientation === 1) return
  const tiff = orientationTiff(orientation)
  const named = Buffer.concat([Buffer.from('eXIf'), tiff])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(tiff.length, 0)
  ends.writeUInt32BE(crc32(named), 4)
  bytes.put(Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]))
}

function malformed(): Error {
  return contentFault('malformed', 'the PNG is malformed')
}
