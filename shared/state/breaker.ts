import { type Clock, systemClock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { StateStore } from './store.ts'

export interface BreakerOptions {
  readonly clock?: Clock
  /** In a row, before it opens; 2 unless given. */
  readonly failures?: number
  /** How long nothing is sent before one operation may try; 500 ms unless given. */
  readonly openMs?: number
}

/**
 * The same store, but while it is down nobody waits for it: after some operations in a row that found it unavailable, all
 * fail with `unavailable` at once. From time to time one is let through, and the first that succeeds ends it.
 */
export function withBreaker(
  store: StateStore,
  { clock = systemClock, failures = 2, openMs = 500 }: BreakerOptions = {},
): StateStore {
  let failed = 0
  let notAsked: Error | undefined
  let openedAtMs = 0
  let isProbing = false

  async function guarded<T>(operation: () => Promise<T>): Promise<T> {
    const isProbe = failed >= failures
    if (isProbe) {
      // A clock that was set back must not keep it open.
      const openForMs = clock() - openedAtMs
      if (isProbing || (openForMs >= 0 && openForMs < openMs))
        throw new Fault('unavailable', { cause: notAsked })
      isProbing = true
    }
    try {
      const result = await operation()
      failed = 0
      return result
    } catch (error) {
      if (error instanceof Fault && error.error === 'unavailable') note(error)
      throw error
    } finally {
      if (isProbe) isProbing = false
    }
  }

  function note({ cause }: Fault): void {
    failed += 1
    if (failed < failures) return
    openedAtMs = clock()
    // One for all whom it refuses; what went wrong before is what whoever reads the log looks for.
    notAsked = new Error('The state store was not asked: it failed a moment ago', { cause })
  }

  return {
    get: (key, signal) => guarded(() => store.get(key, signal)),
    getMany: (keys, signal) => guarded(() => store.getMany(keys, signal)),
    set: (key, value, options, signal) => guarded(() => store.set(key, value, options, signal)),
    delete: (key, options, signal) => guarded(() => store.delete(key, options, signal)),
    consume: (request, signal) => guarded(() => store.consume(request, signal)),
    close: () => store.close(),
  }
}
