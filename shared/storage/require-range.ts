import type { ByteRange } from './object-store.ts'

/** The range as it is. @throws RangeError for one that is none */
export function requireRange<T extends ByteRange | undefined>(range: T): T {
  if (range === undefined) return range
  const { first, last = first } = range
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || first < 0 || last < first)
    throw new RangeError(`Cannot read the bytes from ${first} to ${range.last}`)
  return range
}
