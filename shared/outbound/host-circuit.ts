import type { CircuitBreakerPolicy, IBackoff, IHalfOpenAfterBackoffContext } from 'cockatiel'
import type { Clock } from '#shared/clock.ts'
import { abandonable } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { once } from '#shared/once.ts'
import { CallError, OUT_OF_TIME } from './call-error.ts'

/** Stands before one host: who does not answer is left alone for a while, and nobody gets more calls than we can wait for. */
export interface HostCircuit<Outcome> {
  /**
   * What `work` rejects with passes through and says nothing of the host: the circuit stays as it was.
   *
   * @throws Fault unavailable when `work` was not even begun
   */
  pass(work: () => Promise<Outcome>, signal: AbortSignal): Promise<Outcome>
}

export interface HostCircuitOptions<Outcome> {
  readonly host: string
  readonly isFailure: (outcome: Outcome) => boolean
  readonly clock: Clock
}

/** In a row. */
const FAILURES = 5
const OPEN_MS = 2_000
/** More than a batch of the outbox. */
const AT_ONCE = 64
const WAITING = 64

/** Most instances of most functions call nobody. */
const cockatiel = once(() => import('cockatiel'))

export async function createHostCircuit<Outcome>(
  options: HostCircuitOptions<Outcome>,
): Promise<HostCircuit<Outcome>> {
  const { host, isFailure, clock } = options
  const policies = await cockatiel()
  // The type of results is known only to us: everything that passes is an outcome.
  const failed = policies
    .handleWhenResult((outcome) => isFailure(outcome as Outcome))
    // Of the one call that tries a host the library takes any other rejection for a success.
    .orWhen(() => breaker.state === policies.CircuitState.HalfOpen)
  const breaker: CircuitBreakerPolicy = policies.circuitBreaker(failed, {
    breaker: new policies.ConsecutiveBreaker(FAILURES),
    halfOpenAfter: { next: () => pause(clock) },
  })
  const both = policies.wrap(policies.bulkhead(AT_ONCE, WAITING), breaker)

  async function pass(work: () => Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
    try {
      return await abandonable(both.execute(work, signal), signal)
    } catch (error) {
      if (policies.isBrokenCircuitError(error)) throw refusal('circuit open')
      if (policies.isBulkheadRejectedError(error)) throw refusal('too many calls at once')
      if (!isTimeout(error)) throw error
      throw new Fault('upstream_timeout', { cause: new CallError(host, OUT_OF_TIME, 'maybe') })
    }
  }

  function refusal(why: string): Fault {
    const retryAfterS = Math.ceil(OPEN_MS / 1_000)
    return new Fault('unavailable', { cause: new CallError(host, why, 'never'), retryAfterS })
  }

  return { pass }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

/** How long it stays open, by our clock: the library takes the pause's length from here and the time from the system. */
function pause(clock: Clock): IBackoff<IHalfOpenAfterBackoffContext> {
  const openedAtMs = clock()
  const own: IBackoff<IHalfOpenAfterBackoffContext> = {
    get duration() {
      const openForMs = clock() - openedAtMs
      // A clock that was set back must not keep it open.
      return openForMs >= 0 && openForMs < OPEN_MS ? Infinity : -Infinity
    },
    // After a rejection the pause is the one that is over: the next call tries.
    next: ({ result }) => ('error' in result ? own : pause(clock)),
  }
  return own
}
