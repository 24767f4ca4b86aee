import type { IncomingMessage } from 'node:http'

const AHEAD_BYTES = 64 * 1024

/** The body of an answer as a stream. It fails when the answer breaks off; cancelling it closes the connection. */
export function incomingBody(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let isOver = false

  function start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    function end(finish: () => void): void {
      if (isOver) return
      isOver = true
      finish()
    }
    incoming.on('data', (chunk: Uint8Array) => {
      if (isOver) return
      controller.enqueue(chunk)
      if ((controller.desiredSize ?? 0) <= 0) incoming.pause()
    })
    incoming.once('end', () => end(() => controller.close()))
    incoming.on('error', (error) => end(() => controller.error(error)))
    incoming.once('close', () => end(() => controller.error(new Error('The answer broke off'))))
    incoming.pause()
  }

  return new ReadableStream(
    {
      start,
      pull: () => void incoming.resume(),
      cancel() {
        isOver = true
        incoming.destroy()
      },
    },
    { highWaterMark: AHEAD_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
  )
}
