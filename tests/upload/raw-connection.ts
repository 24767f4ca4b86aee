import { once } from 'node:events'
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** A connection on which a test says HTTP byte by byte. */
export interface RawConnection {
  /** Resolves when the bytes have left, or when the other end has closed. */
  write(bytes: string | Uint8Array): Promise<void>
  /** No more will come, but answers are still read. */
  halfClose(): void
  /** Breaks the connection. */
  destroy(): void
  /** The next answer, interim ones (1xx) included; undefined when the other end has closed instead. */
  answer(): Promise<RawAnswer | undefined>
}

export async function rawConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  let received = Buffer.alloc(0)
  let isClosed = false
  let wake = () => {}
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    wake()
  })
  for (const event of ['end', 'error', 'close'])
    socket.on(event, () => {
      isClosed = true
      wake()
    })

  return {
    write: (bytes) =>
      new Promise((resolve) => {
        if (isClosed) return resolve()
        socket.once('close', resolve)
        socket.write(bytes, () => {
          socket.off('close', resolve)
          resolve()
        })
      }),
    halfClose: () => void socket.end(),
    destroy: () => void socket.destroy(),
    async answer() {
      for (;;) {
        const read = readAnswer(received)
        if (read !== undefined) {
          received = received.subarray(read.bytes)
          return read.answer
        }
        if (isClosed) return undefined
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

/** The answer that the bytes begin with, and how long it is; undefined until it is whole. */
function readAnswer(bytes: Buffer): { readonly answer: RawAnswer; readonly bytes: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const status = Number(first.split(' ')[1])
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
  const rest = bytes.subarray(headEnd + 4)
  const content =
    headers.get('transfer-encoding') === 'chunked' ? dechunked(rest) : sized(rest, headers, status)
  if (content === undefined) return undefined
  return { answer: { status, headers, body: content.text }, bytes: headEnd + 4 + content.bytes }
}

interface Content {
  readonly text: string
  readonly bytes: number
}

function sized(rest: Buffer, headers: Headers, status: number): Content | undefined {
  const length = status < 200 ? 0 : Number(headers.get('content-length') ?? 0)
  return rest.length < length ? undefined : { text: rest.toString('utf8', 0, length), bytes: length }
}

function dechunked(rest: Buffer): Content | undefined {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size
    if (rest.length < end + 2) return undefined
    parts.push(rest.subarray(lineEnd + 2, end))
    at = end + 2
    if (size === 0) return { text: Buffer.concat(parts).toString(), bytes: at }
  }
}
