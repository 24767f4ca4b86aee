import { Fault } from '#shared/errors.ts'

/** Settles as `work` does, and says `upstream_timeout` where it ended with the limit that `signal` is. */
export async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw new Fault('upstream_timeout', { cause: error })
    throw error
  }
}
