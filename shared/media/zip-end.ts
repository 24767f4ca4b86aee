const END_RECORD = Buffer.from('PK\x05\x06', 'latin1')
const END_RECORD_BYTES = 22

/** The record by which a zip is read from its end (PKWARE APPNOTE §4.3.16). */
export interface ZipEnd {
  /** Where it begins. */
  readonly at: number
  readonly entries: number
  readonly directoryBytes: number
  /** Whether its comment ends where the bytes do. */
  readonly isLast: boolean
}

/** The last end record of a zip, or what an unpacker would take for one; undefined without one. */
export function zipEnd(tail: Buffer): ZipEnd | undefined {
  for (let at = tail.lastIndexOf(END_RECORD); at >= 0; at = tail.lastIndexOf(END_RECORD, at - 1)) {
    const found = readAt(tail, at)
    if (found !== undefined) return found
    if (at === 0) return undefined
  }
  return undefined
}

/** Four bytes turn up by chance in one file of 65,000: a comment that ends the file, or one disk, does not. */
function readAt(tail: Buffer, at: number): ZipEnd | undefined {
  if (at + END_RECORD_BYTES > tail.length) return undefined
  const isLast = at + END_RECORD_BYTES + tail.readUInt16LE(at + 20) === tail.length
  const isOneDisk = tail.readUInt32LE(at + 4) === 0
  if (!isLast && !isOneDisk) return undefined
  return { at, entries: tail.readUInt16LE(at + 10), directoryBytes: tail.readUInt32LE(at + 12), isLast }
}
