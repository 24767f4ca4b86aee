import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a call meets instead of an answer. */
export type Failure =
  | { readonly how: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Says nothing, for as long as the caller waits. */
  | { readonly how: 'silent' }
  /** An answer without end. */
  | { readonly how: 'huge' }
  /** Sends the caller elsewhere. */
  | { readonly how: 'redirect'; readonly to: string }
  /** Breaks the connection. */
  | { readonly how: 'reset' }

/** Failures that calls are to meet, in the order they were told. */
export interface Failures {
  readonly next: (failure: Failure, times?: number) => void
  /** Whether the call has met one; then there is nothing left to answer. */
  readonly spoil: (request: IncomingMessage, response: ServerResponse) => boolean
}

const PIECE = Buffer.alloc(64 * 1024, ' ')

export function createFailures(): Failures {
  const waiting: Failure[] = []
  return {
    next(failure, times = 1) {
      for (let n = 0; n < times; n++) waiting.push(failure)
    },
    spoil(request, response) {
      const failure = waiting.shift()
      if (failure !== undefined) meet(failure, request, response)
      return failure !== undefined
    },
  }
}

function meet(failure: Failure, request: IncomingMessage, response: ServerResponse): void {
  if (failure.how === 'reset') return void request.socket.resetAndDestroy()
  request.resume()
  if (failure.how === 'status') response.writeHead(failure.status, failure.headers).end('{}')
  if (failure.how === 'redirect') response.writeHead(307, { location: failure.to }).end()
  if (failure.how === 'huge') pour(response.writeHead(200))
}

/** As fast as the caller reads, until it goes away. */
function pour(response: ServerResponse): void {
  while (!response.destroyed && response.write(PIECE));
  if (!response.destroyed) response.once('drain', () => pour(response))
}
