import { leftMs } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { CallError } from './call-error.ts'
import type { OutboundAnswer, OutboundCall } from './fetch-answer.ts'
import { retryAfterS } from '#shared/retry-after.ts'

/** What came of an attempt. */
export type Outcome = { readonly answer: OutboundAnswer } | { readonly error: unknown }

export interface Failed {
  readonly call: Pick<OutboundCall, 'delivery'>
  readonly outcome: Outcome
  /** Attempts so far. */
  readonly attempts: number
  readonly nowMs: number
  /** 0 to 1. */
  readonly random: () => number
}

const FIRST_WAIT_MS = 100
/** Nobody waits longer within a request, whatever the other side says. */
const LONGEST_WAIT_MS = 5_000
/** With less time left there is no use in trying. */
const SHORTEST_ATTEMPT_MS = 200

/** Broken before an answer came, mostly a kept connection that the other side had closed; certificates do not change. */
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])
const REFUSED_HERE: ReadonlySet<string> = new Set([
  'host not allowed',
  'scheme not allowed',
  'address not allowed',
])

/** Ms until a failed attempt is made again; undefined where it must not be, or there is no time for it. */
export function retryWaitMs(failed: Failed, signal: AbortSignal): number | undefined {
  const { call, outcome, attempts, random } = failed
  if (!isSafe(outcome, call.delivery ?? 'repeatable')) return undefined
  const backoffMs = FIRST_WAIT_MS * 2 ** (attempts - 1) * (0.5 + random())
  const waitMs = Math.max(backoffMs, toldMs(outcome, failed.nowMs))
  const fits = waitMs <= LONGEST_WAIT_MS && waitMs + SHORTEST_ATTEMPT_MS <= leftMs(signal)
  return fits ? waitMs : undefined
}

/** Whether nothing can happen twice. A timeout is not tried again: whoever is too slow gets no more to do. */
function isSafe(outcome: Outcome, delivery: 'once' | 'repeatable'): boolean {
  if ('answer' in outcome) {
    const { status, headers } = outcome.answer
    return delivery === 'repeatable' && (status >= 500 || (status === 429 && headers.has('retry-after')))
  }
  const { error } = outcome
  if (!(error instanceof Fault && error.cause instanceof CallError)) return false
  const { sent, code } = error.cause
  if (sent === 'never') return error.error === 'upstream_failed' && !REFUSED_HERE.has(code)
  return delivery === 'repeatable' && BROKEN.has(code)
}

function toldMs(outcome: Outcome, nowMs: number): number {
  return 'answer' in outcome ? (retryAfterS(outcome.answer.headers, nowMs) ?? 0) * 1_000 : 0
}
