import type { Writable } from 'node:stream'
import { limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'

export interface FeedLimits {
  /** Of all that is fed. */
  readonly maxBytes: number
  /** Longest silence of the client. */
  readonly idleMs: number
  /** Longest time that the client may keep us waiting in all. */
  readonly waitMs: number
}

export interface Feed {
  readonly parser: Writable
  readonly source: ReadableStreamDefaultReader<Uint8Array>
}

/** Feeds a parser with a client's body as fast as it takes, until either has enough. What goes wrong destroys the parser. */
export async function feedParser(
  { parser, source }: Feed,
  { maxBytes, idleMs, waitMs }: FeedLimits,
  signal: AbortSignal,
): Promise<void> {
  let leftBytes = maxBytes
  let leftMs = waitMs
  try {
    while (!parser.destroyed) {
      const askedAtMs = performance.now()
      const mostMs = Math.max(0, Math.min(idleMs, leftMs))
      const { value } = await limited(mostMs, () => source.read(), signal).catch(brokenOff)
      if (value === undefined) return void parser.end()
      leftMs -= performance.now() - askedAtMs
      leftBytes -= value.byteLength
      if (!parser.destroyed && !parser.write(value)) await drained(parser)
      if (leftBytes < 0) throw new Fault('payload_too_large', { details: [{ reason: 'size', maxBytes }] })
    }
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

function drained(parser: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      parser.off('drain', done).off('close', done)
      resolve()
    }
    parser.on('drain', done).on('close', done)
  })
}

/** The client took too long, or went away. */
function brokenOff(error: unknown): never {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError'
  const message = isLate ? 'the body did not arrive in time' : 'the body broke off'
  throw new Fault('bad_request', { details: [{ message }] })
}
