import { Fault } from '#shared/errors.ts'

/**
 * The body as far as it comes: a connection that breaks keeps what it brought.
 *
 * @throws Fault payload_too_large when it is longer than what is missing
 */
export function arriving(
  body: ReadableStream<Uint8Array> | null,
  leftBytes: number,
): ReadableStream<Uint8Array> {
  const reader = body?.getReader()
  let left = leftBytes
  return new ReadableStream(
    {
      async pull(controller) {
        const value = await reader?.read().then(
          (next) => next.value,
          () => undefined, // the client has gone
        )
        if (value === undefined) return controller.close()
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
