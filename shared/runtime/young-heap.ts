/** Bodies of less pass as they are. */
const LARGE_BYTES = 1024 * 1024

let passing = 0

/**
 * Keeps V8's young generation small until the function returned is called. The chunks of a body lie outside of the heap, and
 * are freed when that generation is collected: grown to its 16 MB, it lets 50 MB of them pile up, and each comes from
 * memory that no cache holds any more. Short requests want it to grow, so it may between large bodies.
 *
 * @see https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export function keptYoung(contentLength: string | undefined): () => void {
  if (contentLength !== undefined && Number(contentLength) < LARGE_BYTES) return () => {}
  passing += 1
  if (passing === 1) setGrowthFactor(1)
  return () => {
    passing -= 1
    if (passing === 0) setGrowthFactor(2)
  }
}

/** Not imported: a bundle would have Bun load V8's module, too. */
function setGrowthFactor(factor: number): void {
  process.getBuiltinModule('node:v8').setFlagsFromString(`--semi-space-growth-factor=${factor}`)
}
