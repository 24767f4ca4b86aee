/** What content safety finds in a file. */
export interface Verdict {
  readonly suggest: 'pass' | 'review' | 'risky'
  readonly label: number
  /** Other than 0 where the file could not be checked. */
  readonly errcode: number
}

const FETCH_MS = 10_000
const MAX_BYTES = 10 * 1024 * 1024
const NOT_FETCHED = -1008
/** What in a file makes the stand-in suspicious. */
const MARKS: readonly (readonly [mark: string, suggest: Verdict['suggest'], label: number])[] = [
  ['xiaohan-risky', 'risky', 20002],
  ['xiaohan-review', 'review', 21000],
]

/** The file, as WeChat gets it; undefined where it cannot, or the file is larger than it takes. */
export async function fetchMedia(url: string, signal: AbortSignal): Promise<Buffer | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)])
  try {
    const response = await fetch(url, { signal: limit })
    const length = Number(response.headers.get('content-length') ?? 0)
    if (!response.ok || length > MAX_BYTES) {
      await response.body?.cancel()
      return undefined
    }
    const bytes = Buffer.from(await response.arrayBuffer())
    return bytes.byteLength > MAX_BYTES ? undefined : bytes
  } catch {
    signal.throwIfAborted()
    return undefined // whatever the cause, all that WeChat says is that it could not
  }
}

export function judgeMedia(bytes: Buffer | undefined): Verdict {
  if (bytes === undefined) return { suggest: 'review', label: 0, errcode: NOT_FETCHED }
  const [, suggest, label] = MARKS.find(([mark]) => bytes.includes(mark)) ?? ['', 'pass', 100]
  return { suggest, label, errcode: 0 }
}
