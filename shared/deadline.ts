import { systemClock } from './clock.ts'

/** When signals that were made here end at the latest, in epoch ms. */
const ENDS = new WeakMap<AbortSignal, number>()

/** A signal that ends with `signal` or after `timeoutMs`, whichever comes first. */
export function within(timeoutMs: number, signal: AbortSignal): AbortSignal {
  return ending(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), timeoutMs, signal)
}

/** Ms until a signal ends; Infinity where that is not known. */
export function leftMs(signal: AbortSignal): number {
  return Math.max(0, (ENDS.get(signal) ?? Infinity) - systemClock())
}

function ending(own: AbortSignal, timeoutMs: number, signal?: AbortSignal): AbortSignal {
  const beforeMs = signal === undefined ? Infinity : leftMs(signal)
  ENDS.set(own, systemClock() + Math.min(timeoutMs, beforeMs))
  return own
}

export interface Deadline {
  readonly signal: AbortSignal
  readonly end: () => void
}

/**
 * As `within`, for work whose end is known: after `end` nothing is left behind, and the signal ends no more. Without it
 * the timers of 3,000 calls a second each fire seconds after their call is over.
 */
export function deadline(timeoutMs: number, signal?: AbortSignal): Deadline {
  const controller = new AbortController()
  const stop = () => controller.abort(signal?.reason)
  const expire = () =>
    controller.abort(new DOMException(`It took longer than ${timeoutMs} ms`, 'TimeoutError'))
  const timer = setTimeout(expire, timeoutMs)
  if (signal?.aborted === true) stop()
  else signal?.addEventListener('abort', stop, { once: true })
  return {
    signal: ending(controller.signal, timeoutMs, signal),
    end() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    },
  }
}

/** Settles as `work` does, or rejects with the signal's reason as soon as it ends; `work` itself is not stopped. */
export function abandonable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    const end = () => signal.removeEventListener('abort', stop)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    // A failure that comes after the end goes nowhere, since nobody is left to take it.
    work.then(resolve, reject).finally(end)
  })
}

/**
 * Settles as `work` does, or rejects with a TimeoutError after `timeoutMs`, or with the signal's reason when it ends. `work`
 * is not stopped; it is told whether anybody still waits. A busy event loop is no lateness: answers that have arrived
 * but were not read yet still count.
 */
export function limited<T>(
  timeoutMs: number,
  work: (isOver: () => boolean) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    let isOver = false
    // In a turn of the loop timers come before sockets are read. Node runs immediates after that, Bun before the next.
    const timer = setTimeout(() => setImmediate(() => setImmediate(expire)), timeoutMs)
    signal.addEventListener('abort', stop, { once: true })
    work(() => isOver).then(
      (result) => end(() => resolve(result)),
      (error: unknown) => end(() => reject(error)),
    )

    function expire() {
      end(() => reject(new DOMException(`It took longer than ${timeoutMs} ms`, 'TimeoutError')))
    }
    function stop() {
      end(() => reject(signal.reason))
    }
    function end(settle: () => void) {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      settle()
    }
  })
}

/** Resolves after `ms`; rejects with the signal's reason when it ends first. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', stop, { once: true })
    function done() {
      signal.removeEventListener('abort', stop)
      resolve()
    }
    function stop() {
      clearTimeout(timer)
      reject(signal.reason)
    }
  })
}
