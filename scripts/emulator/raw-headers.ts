/** Hop-by-hop names: they are between two neighbours and never passed on. @see RFC 9110 §7.6.1 */
const HOP = /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|expect)$/i

/** Headers as they came: names and values alternating, which keeps their order, case and repetitions. */
export type RawHeaders = readonly string[]

/** The pairs of `raw` that may be passed on, without those whose name matches `reserved`. */
export function passedOn(raw: RawHeaders, reserved: RegExp): string[] {
  const named = new Set(connectionNames(raw))
  return pairs(raw)
    .filter(([name]) => !HOP.test(name) && !reserved.test(name) && !named.has(name.toLowerCase()))
    .flat()
}

/** `raw` without the headers of this name. */
export function without(raw: RawHeaders, unwanted: string): string[] {
  return pairs(raw)
    .filter(([name]) => name.toLowerCase() !== unwanted)
    .flat()
}

/** Bytes that the headers take on the wire. */
export function headerBytes(raw: RawHeaders): number {
  return pairs(raw).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
}

function connectionNames(raw: RawHeaders): readonly string[] {
  return pairs(raw)
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(',').map((name) => name.trim().toLowerCase()))
}

function pairs(raw: RawHeaders): readonly (readonly [string, string])[] {
  return Array.from(
    { length: raw.length / 2 },
    (_, at) => [raw[at * 2] ?? '', raw[at * 2 + 1] ?? ''] as const,
  )
}
