import * as v from 'valibot'

/** A moment as RFC 3339 writes it. Offsets without minutes, as `+08`, are none: no `Date` reads them. */
export const instant = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'expected RFC 3339, as 2026-12-01T00:00:00Z'),
  v.transform((text) => new Date(text)),
)
