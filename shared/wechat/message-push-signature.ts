import { createHash, timingSafeEqual } from 'node:crypto'

/** Hex SHA-1 over the sorted parts, the token among them, as WeChat signs what it sends to a URL of ours. */
export function pushSignature(parts: readonly string[]): string {
  return createHash('sha1').update(parts.toSorted().join('')).digest('hex')
}

/** Whether two hex digests are the same, in constant time. */
export function sameSignature(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}
