import type { Invocation, Platform } from '#shared/http/app.ts'
import type { Call } from './contract.ts'

/** Time kept back from the platform's timeout, so that our own answer still reaches the client. */
const RESERVE_MS = 500

export interface OpenInvocation {
  readonly invocation: Invocation
  /** Resolves when the background work is done, work that it adds included, or when the invocation's signal ends. */
  settled(): Promise<void>
  /** Lets go of the deadline's timer; the signal ends only with the instance from here on. */
  end(): void
}

export interface OpenOptions {
  readonly platform: Platform
  /** Ends when the instance stops. */
  readonly stop: AbortSignal
  /** Told of each piece of background work. It does not reject when its work does. */
  readonly background: (work: Promise<unknown>) => Promise<unknown>
}

/** Starts the clock of one call. */
export function openInvocation(
  { requestId, clientIp, timeoutMs }: Call,
  options: OpenOptions,
): OpenInvocation {
  const { platform, stop, background } = options
  const leftMs = Math.max(timeoutMs - RESERVE_MS, 0)
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new DOMException('The deadline has passed', 'TimeoutError')),
    leftMs,
  )
  const signal = AbortSignal.any([stop, late.signal])
  const working = new Set<Promise<unknown>>()

  function waitUntil(promise: Promise<unknown>): void {
    const work: Promise<unknown> = background(promise).then(() => working.delete(work))
    working.add(work)
  }

  async function settled(): Promise<void> {
    const ended = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    while (working.size > 0 && !signal.aborted) await Promise.race([ended, Promise.all(working)])
  }

  return {
    invocation: { requestId, clientIp, deadline: Date.now() + leftMs, signal, platform, waitUntil },
    settled,
    end: () => clearTimeout(timer),
  }
}
