import { type Clock, systemClock } from '#shared/clock.ts'
import { type ByteRange, readByteRange } from './byte-range.ts'
import { hasEntityTag } from './entity-tags.ts'
import { formatHttpDate, parseHttpDate } from './http-date.ts'

/** What there is to be sent, by name of its exact bytes. */
export interface Representation {
  /** Opaque, without quotes; always strong. */
  readonly etag: string
  /** Contents that follow each other have different seconds, or `If-Range` with a date could mix them. */
  readonly lastModified: Date
  readonly sizeBytes: number
}

export type Selected =
  | { readonly status: 200 }
  | { readonly status: 206; readonly range: ByteRange }
  | { readonly status: 304 }
  | { readonly status: 412 }
  | { readonly status: 416 }

type Asked = Pick<Request, 'method' | 'headers'>

/**
 * What a GET or HEAD of this representation is answered with. Any other method may go on where it is 200; preconditions
 * hold for it too, ranges do not.
 *
 * @see RFC 9110 §13.2.2 (precedence of preconditions), §14.2 (Range)
 */
export function selectRepresentation(
  request: Asked,
  representation: Representation,
  clock: Clock = systemClock,
): Selected {
  const refused = failedPrecondition(request, representation, clock())
  if (refused !== undefined) return { status: refused }
  const field = request.headers.get('range')
  // GET is the only method with ranges: for any other, HEAD included, the header is to be ignored (§14.2).
  if (field === null || request.method !== 'GET') return { status: 200 }
  // Step 5: a range of something else than the client has a part of would be glued to that part.
  const ifRange = request.headers.get('if-range')
  if (ifRange !== null && !isSameAs(ifRange, representation, clock())) return { status: 200 }
  const range = readByteRange(field, representation.sizeBytes)
  if (range === 'ignored') return { status: 200 }
  return range === 'unsatisfiable' ? { status: 416 } : { status: 206, range }
}

/**
 * The headers that tell of the representation: of a 200 and a 206 all, of a 304 what a cache needs, of a 416 how much
 * there is. The body of a 412 or a 416 is somebody else's, with headers of its own.
 */
export function representationHeaders(
  selected: Selected,
  { etag, lastModified, sizeBytes }: Representation,
  clock: Clock = systemClock,
): Record<string, string> {
  if (selected.status === 412) return {}
  if (selected.status === 416) return { 'content-range': `bytes */${sizeBytes}` } // §14.4
  // With an ETag a 304 has no other metadata: a cache updates what it holds by it (§15.4.5).
  if (selected.status === 304) return { etag: `"${etag}"` }
  const validators = {
    etag: `"${etag}"`,
    // A date in the future, by a clock that differs from ours, must not be told (§8.8.2.1).
    'last-modified': formatHttpDate(Math.min(lastModified.getTime(), clock())),
    'accept-ranges': 'bytes',
  }
  if (selected.status === 200) return { ...validators, 'content-length': String(sizeBytes) }
  const { first, last } = selected.range
  return {
    ...validators,
    'content-range': `bytes ${first}-${last}/${sizeBytes}`,
    'content-length': String(last - first + 1),
  }
}

/** Steps 1 to 4 of §13.2.2, in their order: a header of the earlier kind silences its counterpart of the later. */
function failedPrecondition(
  { method, headers }: Asked,
  { etag, lastModified }: Representation,
  nowMs: number,
): 304 | 412 | undefined {
  const isRead = method === 'GET' || method === 'HEAD'
  const date = (name: string) => parseHttpDate(headers.get(name) ?? '', nowMs)
  const modified = wholeSeconds(lastModified)

  const ifMatch = headers.get('if-match')
  // A weak tag never matches here: the client needs the very bytes it knows (§13.1.1).
  if (ifMatch !== null && !hasEntityTag(ifMatch, etag, 'strong')) return 412
  const unmodifiedSince = ifMatch === null ? date('if-unmodified-since') : undefined // §13.1.4: no date, ignored
  if (unmodifiedSince !== undefined && modified > unmodifiedSince) return 412

  const ifNoneMatch = headers.get('if-none-match')
  if (ifNoneMatch !== null) {
    return hasEntityTag(ifNoneMatch, etag, 'weak') ? (isRead ? 304 : 412) : undefined // §13.1.2
  }
  const modifiedSince = isRead ? date('if-modified-since') : undefined // §13.1.3: other methods, no date: ignored
  return modifiedSince !== undefined && modified <= modifiedSince ? 304 : undefined
}

/** Whether `If-Range` names exactly these bytes. @see RFC 9110 §13.1.5 */
function isSameAs(ifRange: string, { etag, lastModified }: Representation, nowMs: number): boolean {
  if (/^(?:W\/)?"/.test(ifRange)) return ifRange === `"${etag}"` // weak tags never match
  const modified = wholeSeconds(lastModified)
  // Within its own second a date is a weak validator: the contents may change once more (§8.8.2.2).
  return parseHttpDate(ifRange, nowMs) === modified && nowMs - modified >= 1_000
}

/** Dates in headers have no milliseconds: with them, what was just read would be newer than its own date. */
function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1_000) * 1_000
}
