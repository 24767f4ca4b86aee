/**
 * Whole seconds that the other side asks to be left alone for; undefined when it does not say so, or not intelligibly.
 *
 * @see RFC 9110 §10.2.3
 */
export function retryAfterS(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) > 0 ? Number(text) : undefined
  // A date begins with the name of a day; the parser would make a date of `-1`, too.
  const atMs = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN
  const seconds = Math.ceil((atMs - nowMs) / 1_000)
  return seconds > 0 ? seconds : undefined
}
