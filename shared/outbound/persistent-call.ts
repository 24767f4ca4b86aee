import type { Clock } from '#shared/clock.ts'
import { sleep } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { once } from '#shared/once.ts'
import { CallError, OUT_OF_TIME } from './call-error.ts'
import { type Attempt, fetchAnswer } from './fetch-answer.ts'
import { createHostCircuit } from './host-circuit.ts'
import { createRetryBudget } from './retry-budget.ts'
import { type Outcome, retryWaitMs } from './retry-wait.ts'

export interface PersistentCallOptions {
  readonly clock: Clock
  /** 0 to 1, for how long waits are. */
  readonly random: () => number
}

/** What came of the last attempt, and how many there were. */
export interface Attempts {
  readonly outcome: Outcome
  readonly count: number
}

/** Makes a call, and again where that is safe and its host can bear it. */
export type PersistentCall = (call: Attempt, signal: AbortSignal) => Promise<Attempts>

const RETRIES = 3

export function persistentCall({ clock, random }: PersistentCallOptions): PersistentCall {
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
    const send = () => fetchAnswer(call, signal).then((answer) => ({ answer }), ofHost)
    return circuit.pass(send, signal).catch((error: unknown) => ({ error }))
  }

  return async (call, signal) => {
    const { budget } = placeOf(call.url)
    const most = 1 + (call.retries ?? RETRIES)
    budget.deposit()
    for (let count = 1; ; count++) {
      const outcome = await attempt(call, signal)
      if (count >= most) return { outcome, count }
      const waitMs = retryWaitMs({ call, outcome, attempts: count, nowMs: clock(), random }, signal)
      if (waitMs === undefined || !budget.withdraw()) return { outcome, count }
      if (!(await hasWaited(waitMs, signal))) return { outcome, count }
    }
  }
}

/** What counts against a host: not a refusal, which is an answer. */
export function isFailure(outcome: Outcome): boolean {
  return 'answer' in outcome ? outcome.answer.status >= 500 : saysOfHost(outcome.error)
}

/** Nothing of it is said by a caller that went away or had too little time. */
function saysOfHost(error: unknown): boolean {
  return error instanceof Fault && !(error.cause instanceof CallError && error.cause.code === OUT_OF_TIME)
}

function ofHost(error: unknown): Outcome {
  if (!saysOfHost(error)) throw error
  return { error }
}

/** Whether there was time for it. */
function hasWaited(waitMs: number, signal: AbortSignal): Promise<boolean> {
  return sleep(waitMs, signal).then(
    () => true,
    () => false,
  )
}
