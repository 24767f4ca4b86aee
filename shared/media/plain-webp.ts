import { contentFault } from './content-fault.ts'
import { orientationIn, orientationTiff } from './orientation.ts'
import type { PassingBytes, Step } from './passing-bytes.ts'
import { checkPixels } from './pixel-size.ts'

const FILE_HEADER_BYTES = 12
const HEADER_BYTES = 8
const BEGINNING_BYTES = 30
const EXTENDED_BYTES = HEADER_BYTES + 10
const FLAGS_AT = HEADER_BYTES
const XMP_FLAG = 0x04
const MAX_CHUNKS = 65_536
const MAX_EXIF_BYTES = 64 * 1024
const BLANK_BYTES = 64 * 1024

const KEPT: ReadonlySet<string> = new Set(['VP8 ', 'VP8L', 'ALPH', 'ANIM', 'ANMF', 'ICCP'])
/** No reader knows this one, and all must pass over what they do not know (RFC 9649 §2.7.1.6). */
const UNKNOWN = 'JUNK'

/**
 * Keeps what a WebP needs to be shown. Its length stands at its beginning, before the metadata are seen: so those are
 * overwritten in their places, with zeros, and of Exif how to turn the picture stays. What follows that length is dropped.
 *
 * @throws Fault unsupported_media_type for one that is malformed, not whole or too large
 * @see RFC 9649
 */
export function* plainWebp(bytes: PassingBytes): Step<void> {
  const beginning = yield* bytes.peek(BEGINNING_BYTES)
  checkPixels('image/webp', beginning)
  let left = beginning.readUInt32LE(4) - 4
  yield* bytes.keep(FILE_HEADER_BYTES)
  for (let chunk = 0; left > 0 && chunk < MAX_CHUNKS; chunk += 1) {
    const header = yield* bytes.peek(HEADER_BYTES)
    if (left < HEADER_BYTES) throw malformed()
    if (header.length < HEADER_BYTES) throw contentFault('truncated', 'the file is not whole')
    const dataBytes = header.readUInt32LE(4)
    // Chunks are padded to even lengths; some writers forget it at the end.
    const size = Math.min(HEADER_BYTES + dataBytes + (dataBytes & 1), left)
    if (HEADER_BYTES + dataBytes > left) throw malformed()
    yield* passChunk(bytes, header.toString('latin1', 0, 4), size, dataBytes)
    left -= size
  }
  if (left > 0) throw malformed()
}

function* passChunk(bytes: PassingBytes, name: string, size: number, dataBytes: number): Step<void> {
  if (KEPT.has(name)) return yield* bytes.keep(size)
  if (name === 'VP8X') return yield* passExtended(bytes, size)
  const isExif = name === 'EXIF' && dataBytes >= orientationTiff(1).length
  if (!isExif) return yield* blank(bytes, UNKNOWN, size, dataBytes)
  const exif = yield* bytes.peek(HEADER_BYTES + Math.min(dataBytes, MAX_EXIF_BYTES))
  const tiff = exif.subarray(HEADER_BYTES)
  const orientation = orientationIn(tiff.toString('latin1', 0, 6) === 'Exif\0\0' ? tiff.subarray(6) : tiff)
  return yield* blank(bytes, name, size, dataBytes, orientationTiff(orientation))
}

function* passExtended(bytes: PassingBytes, size: number): Step<void> {
  if (size < EXTENDED_BYTES) throw malformed()
  const header = Buffer.from(yield* bytes.peek(EXTENDED_BYTES))
  if (header.length < EXTENDED_BYTES) throw contentFault('truncated', 'the file is not whole')
  header.writeUInt8(header.readUInt8(FLAGS_AT) & ~XMP_FLAG, FLAGS_AT)
  bytes.put(header)
  yield* bytes.drop(EXTENDED_BYTES)
  yield* bytes.keep(size - EXTENDED_BYTES)
}

/** A chunk of the same length with nothing in it but this. */
function* blank(
  bytes: PassingBytes,
  name: string,
  size: number,
  dataBytes: number,
  content: Uint8Array = new Uint8Array(),
): Step<void> {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(name, 'latin1')
  header.writeUInt32LE(dataBytes, 4)
  bytes.put(Buffer.concat([header, content]))
  yield* bytes.drop(header.length + content.length)
  for (let left = size - header.length - content.length; left > 0; left -= BLANK_BYTES) {
    const step = Math.min(left, BLANK_BYTES)
    yield* bytes.drop(step)
    bytes.put(Buffer.alloc(step))
  }
}

function malformed(): Error {
  return contentFault('malformed', 'the WebP is malformed')
}
