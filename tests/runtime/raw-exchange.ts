import { connect } from 'node:net'

export interface RawAnswer {
  readonly text: string
  /** Whether the other end closed the connection. */
  readonly closed: boolean
}

/** Sends bytes as they are; resolves when the other end closes, or when an answer's head has come and `quietMs` passed. */
export function rawExchange(port: number, bytes: string, quietMs = 300): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = ''
    let timer: NodeJS.Timeout | undefined
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')))
    const end = (closed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, closed })
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(() => end(false), quietMs)
    })
    socket.on('error', () => end(true))
    socket.on('close', () => end(true))
  })
}
