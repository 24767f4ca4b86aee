const TAG = 0x0112
const SHORT = 3
const ENTRY_BYTES = 12
const UPRIGHT = 1

/** How a picture is to be turned, 1 to 8, out of Exif's TIFF structure; 1 where that is missing or cannot be read. */
export function orientationIn(tiff: Buffer): number {
  const order = tiff.toString('latin1', 0, 2)
  if (order !== 'II' && order !== 'MM') return UPRIGHT
  const directory = number(tiff, order, 4, 4)
  const count = number(tiff, order, directory, 2)
  for (let entry = directory + 2; entry < directory + 2 + count * ENTRY_BYTES; entry += ENTRY_BYTES) {
    if (number(tiff, order, entry, 2) !== TAG || number(tiff, order, entry + 2, 2) !== SHORT) continue
    const value = number(tiff, order, entry + 8, 2)
    return value >= 1 && value <= 8 ? value : UPRIGHT
  }
  return UPRIGHT
}

/** A TIFF structure of 26 bytes that holds this one fact (Exif 2.32 §4.6). */
export function orientationTiff(orientation: number): Buffer {
  return Buffer.from(
    `MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0${String.fromCharCode(orientation)}\0\0\0\0\0\0`,
    'latin1',
  )
}

/** Of so many bytes at this place; 0 where it points outside. */
function number(tiff: Buffer, order: 'II' | 'MM', at: number, size: 2 | 4): number {
  if (at + size > tiff.length) return 0
  return order === 'II' ? tiff.readUIntLE(at, size) : tiff.readUIntBE(at, size)
}
