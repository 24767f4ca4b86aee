import { type Clock, systemClock } from '#shared/clock.ts'
import { sleep } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { once } from '#shared/once.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { noTrace, type Span, type Tracer } from '#shared/telemetry/tracer.ts'
import { createAddressGuard, type Resolve } from './address-guard.ts'
import { CallError } from './call-error.ts'
import {
  type Attempt,
  fetchAnswer,
  type OutboundAnswer,
  type OutboundCall,
  targetOf,
} from './fetch-answer.ts'
import { createHostCircuit } from './host-circuit.ts'
import { createRetryBudget } from './retry-budget.ts'
import { type Outcome, retryWaitMs } from './retry-wait.ts'

/**
 * Makes a call and answers with what the other side says, whatever its status: within the caller's deadline, tried again
 * where that is safe, never along a redirect.
 *
 * @throws Fault upstream_timeout, upstream_failed, or unavailable for a host that did not answer a moment ago
 */
export type MakeCall = (call: OutboundCall, signal: AbortSignal) => Promise<OutboundAnswer>

/** The way out: everything that is called over HTTP, but for the object store, is called through it. */
export interface Outbound {
  /** To hosts that are allowed for all, by https and at public addresses. */
  readonly call: MakeCall
  /** To where a setting points, too: its host, by its scheme, on this machine where it says so. */
  to(configured: URL | string): MakeCall
}

export interface OutboundOptions {
  readonly logger: Logger
  readonly clock?: Clock
  readonly tracer?: Tracer | undefined
  /** Hosts that may be called besides those that settings point to; none unless given. */
  readonly hosts?: readonly string[] | undefined
  /** Hosts whose addresses may be private ones; none unless given. */
  readonly privateHosts?: readonly string[] | undefined
  readonly resolve?: Resolve
  /** 0 to 1, for how long waits are. */
  readonly random?: () => number
}

const RETRIES = 3

/** Makes the way out. Nothing connects before a call is made. */
export function createOutbound(options: OutboundOptions): Outbound {
  const { logger, clock = systemClock, tracer = noTrace, random = Math.random } = options
  const { hosts = [], privateHosts = [], resolve } = options
  const guard = createAddressGuard({ hosts, privateHosts, resolve })
  const places = new Map<string, ReturnType<typeof newPlace>>()

  function newPlace(host: string) {
    const circuit = once(() => createHostCircuit<Outcome>({ host, isFailure, clock }))
    return { circuit, budget: createRetryBudget(clock) }
  }

  function placeOf({ host }: URL) {
    const place = places.get(host) ?? newPlace(host)
    places.set(host, place)
    return place
  }

  async function attempt(call: Attempt, signal: AbortSignal): Promise<Outcome> {
    const circuit = await placeOf(call.url).circuit()
    const send = () => fetchAnswer(call, signal).then((answer) => ({ answer }), asOutcome)
    return circuit.pass(send, signal).catch(asOutcome)
  }

  async function attempts(call: Attempt, signal: AbortSignal): Promise<Attempts> {
    const { budget } = placeOf(call.url)
    const most = 1 + (call.retries ?? RETRIES)
    budget.deposit()
    for (let made = 1; ; made++) {
      const outcome = await attempt(call, signal)
      if (made >= most) return [outcome, made]
      const waitMs = retryWaitMs({ call, outcome, attempts: made, nowMs: clock(), random }, signal)
      if (waitMs === undefined || !budget.withdraw()) return [outcome, made]
      const hasTime = await sleep(waitMs, signal).then(
        () => true,
        () => false,
      )
      if (!hasTime) return [outcome, made]
    }
  }

  async function make(
    call: OutboundCall,
    configured: URL | undefined,
    signal: AbortSignal,
  ): Promise<OutboundAnswer> {
    signal.throwIfAborted()
    const { method, url } = call
    const facts = { 'http.request.method': method, 'server.address': url.hostname, 'url.path': url.pathname }
    return tracer.span(`${method} ${url.hostname}`, facts, async (span) => {
      const startedAt = clock()
      const [outcome, made] = await carriedOut(span)
      note(call, { outcome, attempts: made, ms: clock() - startedAt }, span)
      if ('error' in outcome) throw outcome.error
      return outcome.answer
    })

    async function carriedOut(span: Span): Promise<Attempts> {
      let lookup
      try {
        lookup = guard.admit({ target: targetOf(call), url }, configured)
      } catch (cause) {
        return [{ error: new Fault('upstream_failed', { cause }) }, 0]
      }
      return attempts({ ...call, lookup, traceparent: span.traceparent }, signal)
    }
  }

  function note({ method, url, requestId }: OutboundCall, made: Made, span: Span): void {
    const { outcome, attempts: count, ms } = made
    const result =
      'answer' in outcome ? { status: outcome.answer.status } : { failure: failureOf(outcome.error) }
    const facts = { requestId, method, host: url.host, path: url.pathname, ...result, attempts: count, ms }
    logger[isFailure(outcome) ? 'warn' : 'info']('outbound.call', facts)
    span.set({
      'http.request.resend_count': Math.max(0, count - 1),
      ...('status' in result
        ? { 'http.response.status_code': result.status }
        : { 'error.type': result.failure }),
    })
  }

  return {
    call: (call, signal) => make(call, undefined, signal),
    to(configured) {
      const url = new URL(configured)
      return (call, signal) => make(call, url, signal)
    },
  }
}

/** What came of the last one, and how many there were. */
type Attempts = readonly [Outcome, number]

interface Made {
  readonly outcome: Outcome
  readonly attempts: number
  readonly ms: number
}

function asOutcome(error: unknown): Outcome {
  return { error }
}

/** What counts against a host: neither a refusal, which is an answer, nor a caller that went away. */
function isFailure(outcome: Outcome): boolean {
  return 'error' in outcome ? outcome.error instanceof Fault : outcome.answer.status >= 500
}

function failureOf(error: unknown): string {
  if (error instanceof Fault) return error.cause instanceof CallError ? error.cause.code : error.error
  return 'ended by the caller'
}
