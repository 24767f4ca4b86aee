import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { KeyPart, Policy } from '#shared/limit-policy.ts'
import type { ConsumeAnswer, Consumption, StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { limitOf } from './check-limit.ts'
import { createDegradedLog } from './degraded-log.ts'
import { createDenyCache } from './deny-cache.ts'
import { createOutageLimits } from './outage-limits.ts'

/** One question: may `subject` take `cost` units of the policy? */
export interface Check {
  readonly name: string
  readonly policy: Policy
  /** Has what the policy is `by`; any text may stand in it. */
  readonly subject: Readonly<Partial<Record<KeyPart, string>>>
  /** Units to take, a whole number; 1 unless given. 0 only looks. */
  readonly cost?: number
}

export interface CheckResult extends Consumption {
  readonly name: string
  readonly policy: Policy
}

export interface CheckAnswer {
  /** Whether all checks are; else none of them has taken anything. */
  readonly allowed: boolean
  /** In the order of the checks. */
  readonly results: readonly CheckResult[]
  /** Of `alsoGet`; undefined when the store was not asked, because the answer was known, or is down. */
  readonly values: readonly (string | undefined)[] | undefined
  /** Names of the policies that were decided without the store. */
  readonly degraded: readonly string[]
  /** A policy that leaves decisions to the store alone met one that is down: the caller answers `unavailable`. */
  readonly unavailable: boolean
}

export interface Limiter {
  /** Takes from all limits or from none, and reads further keys in the same round trip. */
  check(request: CheckRequest, signal: AbortSignal): Promise<CheckAnswer>
}

export interface CheckRequest {
  /** No two of the same policy and subject. */
  readonly checks: readonly Check[]
  readonly alsoGet?: readonly string[]
}

export interface LimiterOptions {
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
  /** How many instances share a limit while the store is down, each its part; 1 unless given. */
  readonly instances?: number | undefined
}

/** Limits by policy over the state store, with what this instance knows by itself: what is refused, and outages. */
export function createLimiter({ state, clock, logger, instances = 1 }: LimiterOptions): Limiter {
  const denied = createDenyCache({ clock })
  const withoutStore = createOutageLimits({ clock, instances })
  const log = createDegradedLog({ clock, logger })

  async function check({ checks, alsoGet = [] }: CheckRequest, signal: AbortSignal): Promise<CheckAnswer> {
    const limits = checks.map(limitOf)
    const known = denied.answer(limits)
    if (known !== undefined) return answer(checks, known, undefined)
    const askedAtMs = clock()
    const asked = await ask({ limits, alsoGet }, signal)
    if (asked instanceof Fault) return decideAlone(checks, asked)
    if (limits.length + alsoGet.length > 0) log.answered()
    denied.note(limits, asked.consumptions, askedAtMs)
    return answer(checks, asked.consumptions, asked.values)
  }

  /** A fault while the store is down. */
  async function ask(request: Parameters<StateStore['consume']>[0], signal: AbortSignal) {
    try {
      return await (request.limits.length === 0
        ? readOnly(request.alsoGet ?? [], signal)
        : state.consume(request, signal))
    } catch (error) {
      if (error instanceof Fault && error.error === 'unavailable') return error
      throw error
    }
  }

  async function readOnly(keys: readonly string[], signal: AbortSignal): Promise<ConsumeAnswer> {
    return { consumptions: [], values: keys.length === 0 ? [] : await state.getMany(keys, signal) }
  }

  function decideAlone(checks: readonly Check[], fault: Fault): CheckAnswer {
    const degraded = [...new Set(checks.map(({ name }) => name))]
    if (checks.length > 0) log.note(degraded, fault)
    const unavailable = checks.some(({ policy }) => policy.onStoreError === 'deny')
    return { ...answer(checks, withoutStore(checks), undefined), degraded, unavailable }
  }

  return { check }
}

function answer(
  checks: readonly Check[],
  consumptions: readonly Consumption[],
  values: CheckAnswer['values'],
): CheckAnswer {
  const results = checks.flatMap(({ name, policy }, at) => {
    const consumption = consumptions[at]
    return consumption === undefined ? [] : [{ name, policy, ...consumption }]
  })
  const allowed = results.every((result) => result.allowed)
  return { allowed, results, values, degraded: [], unavailable: false }
}
