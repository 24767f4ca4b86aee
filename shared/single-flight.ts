import type { Clock } from '#shared/clock.ts'
import { abandonable } from '#shared/deadline.ts'

/** Runs `work` for `key`, or joins the one that runs already; `signal` only ends the caller's wait. */
export type SingleFlight<T> = (
  key: string,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>

interface Flight<T> {
  readonly result: Promise<T>
  readonly endsAt: number
}

/** Shares work among the callers of one instance. The work's own limit is `timeoutMs`, never one caller's deadline. */
export function singleFlight<T>({
  timeoutMs,
  clock,
}: {
  readonly timeoutMs: number
  readonly clock: Clock
}): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>()

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const result = work(AbortSignal.timeout(timeoutMs)).finally(() => {
      if (flights.get(key) === flight) flights.delete(key)
    })
    result.catch(() => {}) // told to whoever waits; nobody may be left
    const flight = { result, endsAt: clock() + timeoutMs }
    flights.set(key, flight)
    return flight
  }

  return (key, work, signal) => {
    const running = flights.get(key)
    // Judged by the clock: a flight that was frozen along with its instance is over before its timer knows.
    const flight = running !== undefined && running.endsAt > clock() ? running : start(key, work)
    return abandonable(flight.result, signal)
  }
}
