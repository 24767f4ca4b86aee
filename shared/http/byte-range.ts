/** Places of the first and the last byte, counted from 0. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * The one range that a `Range` header asks for of `sizeBytes` bytes, cut to what there is. `ignored` when the header
 * counts for nothing: another unit (§14.2 demands it), malformed (§14.2 allows it), several ranges. Answering those
 * whole is allowed (§14.2), and parts in multipart/byteranges are a way to make a server send a file many times over.
 *
 * @see RFC 9110 §14.1.1, §14.1.2
 */
export function readByteRange(field: string, sizeBytes: number): ByteRange | 'ignored' | 'unsatisfiable' {
  // Names of units know no upper and lower case (§14.1).
  const set = /^bytes=(.*)$/i.exec(field)?.[1]
  if (set === undefined) return 'ignored'
  // A list may have empty elements, and spaces around its commas (§5.6.1).
  const [spec, ...others] = set
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '')
  const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(spec ?? '') ?? []
  if (others.length > 0 || (first === '' && last === '')) return 'ignored'
  return first === '' ? suffix(last, sizeBytes) : between(first, last, sizeBytes)
}

/** The last bytes; all there are when fewer (§14.1.2). */
function suffix(length: string, sizeBytes: number): ByteRange | 'unsatisfiable' {
  // Of an empty file the whole would satisfy §14.1.1, but `Content-Range` cannot say "no bytes".
  if (Number(length) === 0 || sizeBytes === 0) return 'unsatisfiable'
  return { first: Math.max(0, sizeBytes - Number(length)), last: sizeBytes - 1 }
}

function between(first: string, last: string, sizeBytes: number): ByteRange | 'ignored' | 'unsatisfiable' {
  // Beyond 2 ** 53 a number is rounded, which is fine against a size, not for which of the two is the greater.
  if (last !== '' && BigInt(last) < BigInt(first)) return 'ignored'
  if (Number(first) >= sizeBytes) return 'unsatisfiable'
  return { first: Number(first), last: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) }
}
