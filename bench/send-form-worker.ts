// Runs in a process of its own: node bench/send-form-worker.ts <url> <bytes> [<access token>]
// Posts one form with a film of that many bytes out of memory, and prints what came of it.
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'

export interface SentForm {
  /** From the first byte sent to the last byte of the answer. */
  readonly ms: number
  readonly status: number
  readonly body: string
}

const BOUNDARY = 'bench-boundary-5f1c8a'
const BLOCK_BYTES = 1024 * 1024
/** The box that an MP4 begins with. */
const FILM_HEAD = Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41', 'latin1')

const [url = '', size = '0', token] = process.argv.slice(2)
const sizeBytes = Number(size)
const block = randomBytes(BLOCK_BYTES)
const head = Buffer.from(
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="film.mp4"\r\nContent-Type: video/mp4\r\n\r\n`,
)
const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`)

console.log(JSON.stringify(await send()))

function send(): Promise<SentForm> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'content-length': head.byteLength + sizeBytes + tail.byteLength,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const outgoing = request(url, { method: 'POST', headers }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text) => (body += text))
      response.on('end', () =>
        resolve({ ms: performance.now() - startedAt, status: response.statusCode ?? 0, body }),
      )
    })
    outgoing.once('error', reject)
    const startedAt = performance.now()
    const chunks = film()
    const more = () => {
      // Not for-of, which would end the generator at the first full buffer.
      for (let next = chunks.next(); next.done !== true; next = chunks.next())
        if (!outgoing.write(next.value)) return outgoing.once('drain', more)
      return outgoing.end()
    }
    more()
  })
}

function* film(): Generator<Buffer> {
  yield Buffer.concat([head, FILM_HEAD])
  for (let leftBytes = sizeBytes - FILM_HEAD.byteLength; leftBytes > 0; leftBytes -= BLOCK_BYTES)
    yield block.subarray(0, leftBytes)
  yield tail
}
