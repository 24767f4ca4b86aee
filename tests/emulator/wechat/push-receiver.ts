import { createServer, type IncomingMessage } from 'node:http'
import { afterAll, beforeEach } from '@jest/globals'

export interface Received {
  readonly method: string
  readonly url: URL
  readonly contentType: string
  readonly body: string
}

/** Somebody who is pushed to and has files to fetch: answers with `answers` one after the other, then with success. */
export interface Receiver {
  readonly url: string
  readonly received: Received[]
  /** What the next pushes are answered; `silent` is no answer at all. */
  answers: (readonly [status: number, body: string] | 'silent')[]
  /** What is served under `/files/<name>`. */
  readonly files: Map<string, Uint8Array>
}

/** One receiver for a whole file, as new before each test. */
export async function startReceiver(): Promise<Receiver> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const url = new URL(request.url ?? '/', 'http://receiver')
      const file = receiver.files.get(url.pathname.replace('/files/', ''))
      if (file !== undefined) return void response.end(file)
      if (url.pathname.startsWith('/files/')) return void response.writeHead(404).end()
      const contentType = request.headers['content-type'] ?? ''
      receiver.received.push({ method: request.method ?? '', url, contentType, body })
      const answer = receiver.answers.shift() ?? ([200, 'success'] as const)
      if (answer !== 'silent') response.writeHead(answer[0]).end(answer[1])
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}`,
    received: [],
    answers: [],
    files: new Map(),
  }
  beforeEach(() => {
    receiver.received.length = 0
    receiver.answers = []
    receiver.files.clear()
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return receiver
}

async function text(request: IncomingMessage): Promise<string> {
  let all = ''
  request.setEncoding('utf8')
  for await (const part of request) all += part
  return all
}
