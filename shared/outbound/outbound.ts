import { type Clock, systemClock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { noTrace, type Span, type Tracer } from '#shared/telemetry/tracer.ts'
import { createAddressGuard, type Resolve } from './address-guard.ts'
import { CallError } from './call-error.ts'
import { type OutboundAnswer, type OutboundCall, pathOf, targetOf } from './fetch-answer.ts'
import { type Attempts, isFailure, persistentCall } from './persistent-call.ts'

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

/** Makes the way out. Nothing connects before a call is made. */
export function createOutbound(options: OutboundOptions): Outbound {
  const { logger, clock = systemClock, tracer = noTrace, random = Math.random } = options
  const { hosts = [], privateHosts = [], resolve } = options
  const guard = createAddressGuard({ hosts, privateHosts, resolve })
  const persist = persistentCall({ clock, random })

  async function make(
    call: OutboundCall,
    configured: URL | undefined,
    signal: AbortSignal,
  ): Promise<OutboundAnswer> {
    signal.throwIfAborted()
    const { method, url } = call
    const path = pathOf(call)
    const facts = {
      'http.request.method': method,
      'server.address': url.hostname,
      ...(path === undefined ? {} : { 'url.path': path }),
    }
    return tracer.span(`${method} ${url.hostname}`, facts, async (span) => {
      const startedAt = clock()
      const attempts = await carriedOut(span)
      note(call, { ...attempts, ms: clock() - startedAt }, span)
      const { outcome } = attempts
      if ('error' in outcome) throw outcome.error
      return outcome.answer
    })

    async function carriedOut(span: Span): Promise<Attempts> {
      let lookup
      try {
        lookup = guard.admit({ target: targetOf(call), url }, configured)
      } catch (cause) {
        return { outcome: { error: new Fault('upstream_failed', { cause }) }, count: 0 }
      }
      return persist({ ...call, lookup, traceparent: span.traceparent }, signal)
    }
  }

  function note(call: OutboundCall, made: Attempts & { readonly ms: number }, span: Span): void {
    const { method, url, requestId } = call
    const { outcome, count, ms } = made
    const result =
      'answer' in outcome ? { status: outcome.answer.status } : { failure: failureOf(outcome.error) }
    const facts = { requestId, method, host: url.host, path: pathOf(call), ...result, attempts: count, ms }
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

function failureOf(error: unknown): string {
  if (error instanceof Fault) return error.cause instanceof CallError ? error.cause.code : error.error
  return 'ended by the caller'
}
