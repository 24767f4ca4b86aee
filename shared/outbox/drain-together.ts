import { abandonable } from '#shared/deadline.ts'
import { drain, type DrainOptions } from './drain.ts'

/** For one drain, whoever asked for it. */
const LONGEST_MS = 30_000

/**
 * Delivers what is due for all callers of an instance together: one drain at a time, and one more for those who came
 * while it ran, since it may have looked before their messages were there. A drain for each would have them queue for
 * the database. `signal` only ends the caller's wait.
 */
export function drainTogether(options: DrainOptions): (signal: AbortSignal) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | undefined

  async function begin(): Promise<void> {
    waiting = undefined
    const limit = AbortSignal.timeout(LONGEST_MS)
    await abandonable(drain(options, limit), limit)
  }

  return (signal) => {
    if (waiting === undefined) {
      waiting = last.then(begin, begin)
      waiting.catch(() => {}) // told to whoever waits; nobody may be left
      last = waiting
    }
    return abandonable(waiting, signal)
  }
}
