const NEAR_BYTES = 16

/**
 * Where, from here on, a scan's data end: at an FF that is neither stuffed (00 follows), nor a restart marker, nor a fill
 * byte before another FF. An FF at the very end counts, since what follows it is not known; -1 when there is none.
 */
export function nextMarker(bytes: Buffer, from: number): number {
  for (let at = nextFf(bytes, from); at !== -1; at = nextFf(bytes, at + 1)) {
    const code = bytes[at + 1]
    if (code === undefined || endsScan(code)) return at
  }
  return -1
}

function endsScan(code: number): boolean {
  return code !== 0 && code !== 0xff && (code < 0xd0 || code > 0xd7)
}

/** Native search runs through gigabytes a second, but starting it costs 50 ns: not for data made of nothing but FF00. */
function nextFf(bytes: Buffer, from: number): number {
  const near = Math.min(from + NEAR_BYTES, bytes.length)
  for (let at = from; at < near; at += 1) if (bytes[at] === 0xff) return at
  return near === bytes.length ? -1 : bytes.indexOf(0xff, near)
}
