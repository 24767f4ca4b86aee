import { abandonable } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { CallError } from './call-error.ts'
import { type ClamdSession, openClamd } from './virus-scan-session.ts'

export type ScanVerdict = { readonly clean: true } | { readonly clean: false; readonly found: string }

/** Says whether a stream holds something known to be harmful. Reads no more of it than that takes. */
export type VirusScan = (stream: ReadableStream<Uint8Array>, signal: AbortSignal) => Promise<ScanVerdict>

export interface VirusScanOptions {
  /** As `checkedClamdUrl` gives it. */
  readonly url: URL
  /** How long clamd may take to let us in, to take a piece or to answer; 30 s unless given. The stream may take its time. */
  readonly timeoutMs?: number
  /**
   * Longest stream that is scanned; 25 MB unless given. It must not be above clamd's StreamMaxLength, nor its MaxFileSize and
   * MaxScanSize: of what exceeds those clamd says that all is well.
   */
  readonly maxBytes?: number
}

/** What `found` is when there was too much to scan. No signature's name has a space. */
export const TOO_LARGE = 'too large'

const TIMEOUT_MS = 30_000
const MAX_BYTES = 25 * 1024 * 1024
const TARGET = 'clamd INSTREAM'

/**
 * Scans by clamd's INSTREAM command, with a connection for each stream. What is too large to be scanned is not clean, and is
 * found to be `TOO_LARGE`. A stream that fails makes the scan fail with the stream's own error.
 *
 * @throws Fault unavailable when clamd cannot be reached, stalls, or answers with anything but a verdict
 */
export function createVirusScan(options: VirusScanOptions): VirusScan {
  const { url, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options
  return async (stream, signal) => {
    const reader = stream.getReader()
    let session: ClamdSession | undefined
    try {
      session = await told(() => openClamd(url, timeoutMs, signal), signal)
      const pieces = piecesOf(reader, maxBytes, signal)
      return await scan(session, pieces, signal)
    } finally {
      session?.close()
      // Whether that works is nobody's concern any more.
      reader.cancel().catch(() => {})
    }
  }
}

/** What is read of the stream: never an empty piece, which is how the protocol writes the end; null when it is too long. */
async function* piecesOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array | null> {
  let leftBytes = maxBytes
  for (;;) {
    const { value } = await abandonable(reader.read(), signal)
    if (value === undefined) return
    leftBytes -= value.byteLength
    if (leftBytes < 0) yield null
    else if (value.byteLength > 0) yield value
  }
}

async function scan(
  session: ClamdSession,
  pieces: AsyncIterable<Uint8Array | null>,
  signal: AbortSignal,
): Promise<ScanVerdict> {
  for await (const piece of pieces) {
    if (piece === null) return { clean: false, found: TOO_LARGE }
    await told(() => session.send(piece), signal)
    // Before the end it answers only to refuse.
    if (session.hasAnswered()) return refusalOf(await told(() => session.answer(), signal))
  }
  return verdictOf(await told(() => session.finish(), signal))
}

function verdictOf(answer: string): ScanVerdict {
  if (answer === 'stream: OK') return { clean: true }
  const found = /^stream: (.+) FOUND$/.exec(answer)?.[1]
  return found === undefined ? refusalOf(answer) : { clean: false, found }
}

function refusalOf(answer: string): ScanVerdict {
  if (answer.startsWith('INSTREAM size limit exceeded')) return { clean: false, found: TOO_LARGE }
  // Its text may hold paths of the machine it runs on.
  throw new Fault('unavailable', { cause: new CallError(TARGET, 'no verdict', 'maybe') })
}

/** Failures of clamd, as a client may meet them; the end of `signal` stays what it is. */
async function told<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw new Fault('unavailable', { cause: new CallError(TARGET, codeOf(error), 'maybe') })
  }
}

// Looks at shapes, not classes: the runtime's errors may come from another realm than ours.
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  if ('name' in error && error.name === 'TimeoutError') return 'timeout'
  return 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
}
