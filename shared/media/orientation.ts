const TAG = 0x0112
const SHORT = 3
const ENTRY_BYTES = 12
const UPRIGHT = 1

/** How a picture is to be turned, 1 to 8, out of Exif's TIFF structure; 1 where that is missing or cannot be read. */
export function orientationIn(tiff: Buffer): number {
  try {
    return readOrientation(tiff) ?? UPRIGHT
  } catch (error) {
    if (error instanceof RangeError) return UPRIGHT // it points outside itself
    throw error
  }
}

/** A TIFF structure of 26 bytes that holds this one fact (Exif 2.32 §4.6). */
export function orientationTiff(orientation: number): Buffer {
  return Buffer.from(
    `MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0${String.fromCharCode(orientation)}\0\0\0\0\0\0`,
    'latin1',
  )
}

function readOrientation(tiff: Buffer): number | undefined {
  const order = tiff.toString('latin1', 0, 2)
  if (order !== 'II' && order !== 'MM') return undefined
  const isLittle = order === 'II'
  const short = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  const count = short(directory)
  for (let entry = directory + 2; entry < directory + 2 + count * ENTRY_BYTES; entry += ENTRY_BYTES) {
    if (short(entry) !== TAG || short(entry + 2) !== SHORT) continue
    const value = short(entry + 8)
    return value >= 1 && value <= 8 ? value : undefined
  }
  return undefined
}
