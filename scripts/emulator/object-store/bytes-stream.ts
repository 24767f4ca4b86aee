import { Readable } from 'node:stream'
import type { OpenBytes } from '#shared/storage/disk/open-bytes.ts'

/** Bytes of an object as a stream for an answer; its end, however it comes, closes them. */
export function bytesStream(bytes: OpenBytes): Readable {
  const stream = new Readable({
    read() {
      bytes.next().then(
        (chunk) => this.push(chunk ?? null),
        (error: Error) => this.destroy(error),
      )
    },
  })
  return stream.once('close', () => void bytes.close().catch(() => {})) // nobody reads on
}
