import { contentFault } from './content-fault.ts'
import { nextMarker } from './jpeg-marker.ts'
import { orientationIn, orientationTiff } from './orientation.ts'
import type { PassingBytes, Step } from './passing-bytes.ts'
import { checkSize, frameSize, isFrameMarker } from './pixel-size.ts'

const END = 0xd9
const SCAN = 0xda
const FILL = 0xff
const EXIF_SEGMENT = 0xe1
const EXIF = 'Exif\0\0'
const HEADER_BYTES = 4
const FRAME_HEADER_BYTES = 9
/** As much of a segment as tells whose it is, or its frame's size. */
const LOOK_BYTES = HEADER_BYTES + 12

/** What decoding needs besides frame headers: DHT, DAC, SOS, DQT, DNL, DRI. */
const NEEDED: ReadonlySet<number> = new Set([0xc4, 0xcc, SCAN, 0xdb, 0xdc, 0xdd])
/** What colours need. All else that programs add goes: Exif, XMP, previews, depth, second pictures, comments. */
const COLOURS: ReadonlyMap<number, string> = new Map([
  [0xe0, 'JFIF\0'],
  [0xe2, 'ICC_PROFILE\0'],
  [0xee, 'Adobe'],
])
// Progressive pictures have about ten scans, colour profiles and depth maps at most 255 segments each.
const MAX_SEGMENTS = 4096

/**
 * Keeps what a JPEG needs to be shown, up to the end of its first picture, and of its Exif how to turn it.
 *
 * @throws Fault unsupported_media_type for one that is malformed, not whole or too large
 * @see ITU-T T.81, annex B
 */
export function* plainJpeg(bytes: PassingBytes): Step<void> {
  const start = yield* bytes.peek(2)
  if (start[0] !== 0xff || start[1] !== 0xd8) throw malformed()
  yield* bytes.keep(2)
  let hasExif = false
  let hasFrame = false
  let hasScan = false
  for (let segment = 0; segment < MAX_SEGMENTS; segment += 1) {
    const look = yield* bytes.peek(LOOK_BYTES)
    const code = codeOf(look)
    if (code === END && hasScan) return yield* bytes.keep(2)
    if (code === FILL) {
      yield* bytes.drop(1)
      continue
    }
    const size = segmentBytes(code, look)
    if (isFrameMarker(code)) hasFrame = checkFrame(look)
    if (code === EXIF_SEGMENT && !hasExif) hasExif = yield* putOrientation(bytes, size)
    yield* isKept(code, look) ? bytes.keep(size) : bytes.drop(size)
    if (code !== SCAN) continue
    if (!hasFrame) throw malformed()
    hasScan = true
    yield* keepScan(bytes)
  }
  throw malformed()
}

function codeOf(look: Buffer): number {
  const [prefix, code] = look
  if (code === undefined) throw truncated()
  if (prefix !== 0xff) throw malformed()
  return code
}

/** With its marker. Markers below C0 and from D0 to D9 have no length and no place between segments. */
function segmentBytes(code: number, look: Buffer): number {
  if (code < 0xc0 || (code >= 0xd0 && code <= END)) throw malformed()
  if (look.length < HEADER_BYTES) throw truncated()
  const size = look.readUInt16BE(2)
  if (size < 2) throw malformed()
  return 2 + size
}

function checkFrame(look: Buffer): true {
  if (look.length < FRAME_HEADER_BYTES) throw truncated()
  checkSize(frameSize(look))
  return true
}

function isKept(code: number, look: Buffer): boolean {
  if (NEEDED.has(code) || isFrameMarker(code)) return true
  const name = COLOURS.get(code)
  return name !== undefined && look.toString('latin1', HEADER_BYTES, HEADER_BYTES + name.length) === name
}

/** Up to the next marker that is neither a stuffed FF nor a restart. */
function* keepScan(bytes: PassingBytes): Step<void> {
  for (;;) {
    yield* bytes.keepTo(nextMarker)
    const two = yield* bytes.peek(2)
    if (two.length < 2 || nextMarker(two, 0) === 0) return
    yield* bytes.keep(1)
  }
}

/** Whether this was Exif; then a new one has taken its place if there was something to keep. */
function* putOrientation(bytes: PassingBytes, size: number): Step<boolean> {
  const segment = yield* bytes.peek(size)
  if (segment.toString('latin1', HEADER_BYTES, HEADER_BYTES + EXIF.length) !== EXIF) return false
  const orientation = orientationIn(segment.subarray(HEADER_BYTES + EXIF.length))
  if (orientation === 1) return true
  const tiff = orientationTiff(orientation)
  const header = Buffer.from([0xff, EXIF_SEGMENT, 0, 2 + EXIF.length + tiff.length])
  bytes.put(Buffer.concat([header, Buffer.from(EXIF, 'latin1'), tiff]))
  return true
}

function malformed(): Error {
  return contentFault('malformed', 'the JPEG is malformed')
}

function truncated(): Error {
  return contentFault('truncated', 'the file is not whole')
}
