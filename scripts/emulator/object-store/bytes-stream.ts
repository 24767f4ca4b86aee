import { Readable } from 'node:stream'
import type { OpenBytes } from '#shared/storage/disk/open-bytes.ts'

/** Bytes of an object as a stream for an answer. */
export function bytesStream(bytes: OpenBytes): Readable {
  return new Readable({
    read() {
      bytes.next().then(
        (chunk) => this.push(chunk ?? null),
        (error: Error) => this.destroy(error),
      )
    },
    destroy(error, done) {
      bytes.close().then(() => done(error), done)
    },
  })
}
