import type { IncomingMessage, ServerResponse } from 'node:http'
import * as v from 'valibot'
import { accepting, type ControlRoutes } from '#scripts/emulator/answer-control.ts'

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

/** Failures by the names that a person gives them. */
export const FAILURES: Readonly<Record<string, Failure>> = {
  '500': { how: 'status', status: 500 },
  '429': { how: 'status', status: 429, headers: { 'retry-after': '2' } },
  slow: { how: 'silent' },
  huge: { how: 'huge' },
  redirect: { how: 'redirect', to: 'http://127.0.0.1:1/' },
  reset: { how: 'reset' },
}

/** Failures that calls are to meet, in the order they were told. */
export interface Failures {
  readonly next: (failure: Failure, times?: number) => void
  /** Forgets those that no call has met yet. */
  readonly recover: () => void
  /** What the call has met; then there is nothing left to answer. */
  readonly spoil: (request: IncomingMessage, response: ServerResponse) => Failure | undefined
}

const PIECE = Buffer.alloc(64 * 1024, ' ')

export function createFailures(): Failures {
  const waiting: { readonly failure: Failure; times: number }[] = []
  return {
    next: (failure, times = 1) => void waiting.push({ failure, times }),
    recover: () => void waiting.splice(0),
    spoil(request, response) {
      const [first] = waiting
      if (first === undefined) return undefined
      first.times -= 1
      if (first.times < 1) waiting.shift()
      meet(first.failure, request, response)
      return first.failure
    },
  }
}

const Failing = v.strictObject({
  how: v.picklist(Object.keys(FAILURES)),
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)), 1),
})

/** Failures by HTTP: told by their names, and taken back. */
export function failureRoutes({ next, recover }: Failures): ControlRoutes {
  return {
    'POST /_control/failures': accepting(Failing, ({ how, times }) => {
      const { [how]: failure } = FAILURES
      if (failure !== undefined) next(failure, times)
    }),
    'DELETE /_control/failures': recover,
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
