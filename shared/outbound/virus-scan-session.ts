import type { Socket } from 'node:net'
import { limited } from '#shared/deadline.ts'
import { CallError } from './call-error.ts'
import { clamdPlace } from './virus-scan-address.ts'

/** One INSTREAM command under way. Every step that takes longer than the session allows rejects with a TimeoutError. */
export interface ClamdSession {
  /** Settles when the piece, which is not empty, has left: clamd takes it or makes us wait. */
  send(piece: Uint8Array): Promise<void>
  hasAnswered(): boolean
  answer(): Promise<string>
  /** Says that this was all, and waits for the answer. */
  finish(): Promise<string>
  close(): void
}

/** The z makes NUL the end of commands and answers (clamd(8), COMMANDS). */
const COMMAND = 'zINSTREAM\0'
const END_OF_ANSWER = '\0'
const END_OF_STREAM = Buffer.alloc(4)
const MAX_ANSWER_CHARS = 4096

/** Connects and gives the command. */
export async function openClamd(url: URL, timeoutMs: number, signal: AbortSignal): Promise<ClamdSession> {
  // Most instances never scan; those that do not shall not load it.
  const { connect } = await import('node:net')
  const socket = connect(clamdPlace(url))
  const conversation = converse(socket)
  const inTime = <T>(work: Promise<T>) => limited(timeoutMs, () => work, signal)
  const write = (...parts: readonly (Uint8Array | string)[]) =>
    inTime(Promise.race([written(socket, parts), conversation.answered.then(() => {})]))
  try {
    await write(COMMAND)
  } catch (error) {
    socket.destroy()
    throw error
  }

  return {
    send: (piece) => write(lengthOf(piece), piece),
    hasAnswered: conversation.hasAnswered,
    answer: () => inTime(conversation.answered),
    async finish() {
      await write(END_OF_STREAM)
      return inTime(conversation.answered)
    },
    close: () => void socket.destroy(),
  }
}

function converse(socket: Socket) {
  const { promise: answered, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  let isAnswered = false
  socket.setEncoding('utf8')
  socket.on('data', (part: string) => {
    text += part
    const end = text.indexOf(END_OF_ANSWER)
    if (end >= 0) {
      isAnswered = true
      resolve(text.slice(0, end))
    } else if (text.length > MAX_ANSWER_CHARS) socket.destroy()
  })
  socket.on('error', reject)
  socket.on('close', () => reject(new CallError('clamd INSTREAM', 'closed', 'maybe')))
  // It may fail while nobody waits for it; whoever writes or asks next is told.
  answered.catch(() => {})
  return { answered, hasAnswered: () => isAnswered }
}

/** Never settles when it fails: then the socket closes and tells why, which the error of a write often does not. */
function written(socket: Socket, parts: readonly (Uint8Array | string)[]): Promise<void> {
  return new Promise((resolve) => {
    socket.cork()
    for (const part of parts.slice(0, -1)) socket.write(part)
    socket.write(parts.at(-1) ?? '', (error) => {
      if (error == null) resolve()
    })
    socket.uncork()
  })
}

function lengthOf(piece: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(piece.byteLength)
  return length
}
