import { limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'

export interface Arrival {
  /** Of what is missing. */
  readonly leftBytes: number
  /** How long the client may take; what has come by then counts. */
  readonly waitMs: number
}

/**
 * The body as far as it comes: a connection that breaks, or is too slow for one call, keeps what it brought.
 *
 * @throws Fault payload_too_large when it is longer than what is missing
 */
export function arriving(
  body: ReadableStream<Uint8Array> | null,
  { leftBytes, waitMs }: Arrival,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = body?.getReader()
  const untilMs = performance.now() + waitMs
  let left = leftBytes

  async function next(): Promise<Uint8Array | undefined> {
    if (reader === undefined) return undefined
    const leftMs = Math.max(0, untilMs - performance.now())
    try {
      return (await limited(leftMs, () => reader.read(), signal)).value
    } catch {
      return undefined // the client has gone, or its time is over
    }
  }

  return new ReadableStream(
    {
      async pull(controller) {
        const value = await next()
        if (value === undefined) {
          reader?.cancel().catch(() => {}) // what comes now is for the next call
          return controller.close()
        }
        left -= value.byteLength
        if (left < 0)
          throw new Fault('payload_too_large', { details: [{ reason: 'size', maxBytes: leftBytes }] })
        controller.enqueue(value)
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
