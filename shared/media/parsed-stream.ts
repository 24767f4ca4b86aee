import { asBuffer } from './latin1.ts'
import { passingBytes, type PassingBytes, type Step } from './passing-bytes.ts'

/** A stream that lets through what the parser keeps, and drops what follows the parser's end. */
export function parsedStream(
  parse: (bytes: PassingBytes) => Step<void>,
): TransformStream<Uint8Array, Uint8Array> {
  let send = (_kept: Uint8Array): void => {}
  const bytes = passingBytes((kept) => send(kept))
  const parser = parse(bytes)
  let isDone = false

  function advance(): void {
    isDone = parser.next().done === true
    if (isDone) bytes.flush()
  }

  return new TransformStream({
    start(controller) {
      send = (kept) => controller.enqueue(kept)
      advance()
    },
    transform(chunk) {
      if (isDone || chunk.byteLength === 0) return
      bytes.feed(asBuffer(chunk))
      advance()
    },
    flush() {
      if (isDone) return
      bytes.end()
      advance()
    },
  })
}
