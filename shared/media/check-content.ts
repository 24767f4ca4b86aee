import { checkOfficeEnd } from './check-office.ts'
import { contentFault } from './content-fault.ts'
import { checkForCode, checkForPdf } from './hidden-code.ts'
import { asBuffer } from './latin1.ts'
import { isOffice, type MediaType } from './media-types.ts'
import { checkPixels } from './pixel-size.ts'
import { detectedType, sniffType } from './sniff-type.ts'
import { zipEnd } from './zip-end.ts'

/** What a type's bytes may also look like: recorders write sound into MP4 under the brand of films. */
const ALSO: Partial<Record<MediaType, MediaType>> = { 'audio/mp4': 'video/mp4' }

/** How a file of the type must end. */
const ENDS: Partial<Record<MediaType, (tail: Buffer) => void>> = {
  'image/jpeg': checkJpegEnd,
  'image/png': checkPngEnd,
  'image/gif': checkGifEnd,
  'application/pdf': checkPdfEnd,
}

const PNG_END = Buffer.from('\0\0\0\0IEND\xae\x42\x60\x82', 'latin1')
const JPEG_END = Buffer.from([0xff, 0xd9])
const GIF_END = 0x3b
/** Samsung's trailer, and the films that motion photos carry. */
const CAMERA_TRAILER = /SEFT[\0]*$|ftyp|moov|mdat/
const PDF_END_BYTES = 1024

/**
 * Refuses a file whose first `HEAD_BYTES` (or all of it, if shorter) are not what it claims to be, or are something else as
 * well, or announce too many pixels.
 *
 * @throws Fault unsupported_media_type with `details: [{reason, message, detected?}]`
 */
export function checkHead(type: MediaType, head: Uint8Array): void {
  const sniffed = sniffType(head)
  if (sniffed === undefined || (sniffed !== type && sniffed !== ALSO[type])) throw mismatch(type, head)
  checkForPdf(type, head)
  // The parts of a document are XML, and may be stored as they are.
  if (!isOffice(type)) checkForCode(type, head)
  checkPixels(type, head)
}

/**
 * Refuses a file whose last `TAIL_BYTES` (or all of it, if shorter) hide something, or show that it is not whole.
 *
 * @throws Fault unsupported_media_type with `details: [{reason, message}]`
 */
export function checkTail(type: MediaType, tail: Uint8Array): void {
  const bytes = asBuffer(tail)
  if (isOffice(type)) return checkOfficeEnd(type, bytes)
  checkForCode(type, tail)
  // Unpackers read from the end: a picture with a Java archive behind it is both (GIFAR).
  if (zipEnd(bytes) !== undefined) throw contentFault('archive', 'holds a zip archive')
  ENDS[type]?.(bytes)
}

function mismatch(type: MediaType, head: Uint8Array): Error {
  const detected = detectedType(head)
  return contentFault(
    'content_type_mismatch',
    detected === undefined ? `the content is not ${type}` : `the content is ${detected}, not ${type}`,
    detected === undefined ? {} : { detected },
  )
}

function checkPngEnd(tail: Buffer): void {
  const at = tail.lastIndexOf(PNG_END)
  if (at < 0) throw truncated()
  if (withoutPadding(tail).length > at + PNG_END.length)
    throw contentFault('trailing_data', 'data follows the end of the picture')
}

function checkGifEnd(tail: Buffer): void {
  if (withoutPadding(tail).at(-1) !== GIF_END) throw truncated()
}

function checkPdfEnd(tail: Buffer): void {
  if (!tail.subarray(-PDF_END_BYTES).includes('%%EOF')) throw truncated()
}

/**
 * Cameras append more than most readers know: a second picture, a film, their own trailer. `withoutMetadata` takes all that
 * away, and knows whether the picture before it is whole; this tells the usual case before anything is stored.
 */
function checkJpegEnd(tail: Buffer): void {
  if (tail.includes(JPEG_END) || CAMERA_TRAILER.test(tail.toString('latin1'))) return
  if (!holdsReserved(tail)) throw truncated()
}

/** Whether an FF stands before a code that no JPEG uses (ITU T.81, table B.1): films soon have one, scans never. */
function holdsReserved(tail: Buffer): boolean {
  for (let at = tail.indexOf(0xff); at !== -1; at = tail.indexOf(0xff, at + 1)) {
    const code = tail[at + 1] ?? 0
    if (code >= 0x02 && code <= 0xbf) return true
  }
  return false
}

/** Some tools fill files up to a block with zeros. */
function withoutPadding(tail: Buffer): Buffer {
  let end = tail.length
  while (end > 0 && tail[end - 1] === 0) end -= 1
  return tail.subarray(0, end)
}

function truncated(): Error {
  return contentFault('truncated', 'the file is not whole')
}
