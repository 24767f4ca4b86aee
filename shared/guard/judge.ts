import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { Invocation } from '#shared/http/app.ts'
import type { Policies } from '#shared/limit-policy.ts'
import type { CheckResult, Limiter } from '#shared/rate-limit/limiter.ts'
import type { Decision, Occasion } from '#shared/risk/decision.ts'
import type { InForce } from '#shared/risk/risk.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { Caller } from './caller.ts'
import { checksFor } from './checks-for.ts'
import { limitRefusal } from './limit-refusal.ts'

/** Facts about users that cost a call; asked for only when a rule names them. */
export interface UserFacts {
  status(userId: string, signal: AbortSignal): Promise<string>
  /** When the session began, in epoch milliseconds; undefined when there is none. */
  startedAt(sessionId: string, signal: AbortSignal): Promise<number | undefined>
  /** WeChat's risk rank, 0 to 4, or -1 where nobody knows; absent unless the deployment asks WeChat. */
  readonly riskRank?: (
    who: { readonly userId: string; readonly ip: string },
    signal: AbortSignal,
  ) => Promise<number>
}

export interface JudgeOptions {
  readonly limiter: Limiter
  readonly facts: UserFacts
  readonly clock: Clock
  readonly logger: Logger
}

/** What the rules are asked about. */
export interface Look {
  readonly caller: Caller
  readonly phase?: Occasion['phase']
  readonly inForce: InForce
  readonly policies: Policies
  readonly invocation: Invocation
}

export interface Judgement {
  readonly refusal?: Fault | undefined
  /** Of a limit that a rule put on the call. */
  readonly results: readonly CheckResult[]
}

export type Judge = (look: Look, signal: AbortSignal) => Promise<Judgement>

/** A session younger than this meets a challenge: its person was with WeChat just now. */
const FRESH_MS = 5 * 60_000

/** Applies the published rules to a call. */
export function createJudge({ limiter, facts, clock, logger }: JudgeOptions): Judge {
  return async (look, signal) => {
    const { caller, inForce, policies, invocation } = look
    const { userId } = caller
    const decision = await inForce.decide(occasionOf(look), signal)
    if (decision.action === 'allow') return { results: [] }
    const { action, rule } = decision
    logger.info('risk.decided', {
      requestId: invocation.requestId,
      route: caller.route,
      action,
      rule,
      userId,
    })
    if (decision.action !== 'throttle')
      return { refusal: await refusalOf(decision, caller, signal), results: [] }
    const answer = await limiter.check({ checks: checksFor([decision.policy], policies, caller) }, signal)
    return { refusal: limitRefusal(answer), results: answer.results }
  }

  function occasionOf({ caller, phase, invocation }: Look): Occasion {
    const { riskRank } = facts
    const { ip, device, route, userId } = caller
    return {
      route,
      ip,
      device,
      waitUntil: (work) => invocation.waitUntil(work),
      ...(phase === undefined ? {} : { phase }),
      ...(userId === undefined
        ? {}
        : { user: { id: userId, status: (signal: AbortSignal) => facts.status(userId, signal) } }),
      ...(userId === undefined || riskRank === undefined
        ? {}
        : { riskRank: (signal: AbortSignal) => riskRank({ userId, ip }, signal) }),
    }
  }

  async function refusalOf(
    { action, reason }: Refusing,
    { session }: Caller,
    signal: AbortSignal,
  ): Promise<Fault | undefined> {
    if (action === 'deny') return new Fault('risk_denied', { details: [{ reason }] })
    const startedAt = session && (await facts.startedAt(session.sessionId, signal))
    if (startedAt !== undefined && clock() - startedAt <= FRESH_MS) return undefined
    return new Fault('risk_denied', { details: [{ reason, challenge: 'fresh_login' }] })
  }
}

type Refusing = Extract<Decision, { readonly action: 'deny' | 'challenge' }>
