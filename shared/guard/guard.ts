import { Fault } from '#shared/errors.ts'
import type { Admission, Admit, Arrival } from '#shared/http/admission.ts'
import type { Policies } from '#shared/limit-policy.ts'
import { limitHeaders } from '#shared/rate-limit/limit-headers.ts'
import type { Limiter } from '#shared/rate-limit/limiter.ts'
import type { InForce, Risk } from '#shared/risk/risk.ts'
import type { SignatureCheck } from '#shared/signing/signature-check.ts'
import type { Revocations } from '#shared/tokens/revocations.ts'
import type { Session, SessionGuard } from '#shared/tokens/session-guard.ts'
import { type Caller, deviceOf } from './caller.ts'
import { checksFor } from './checks-for.ts'
import type { Judge, Look } from './judge.ts'
import { limitRefusal } from './limit-refusal.ts'
import { ROUTE_GUARDS, type RouteGuard } from './route-guards.ts'
import { type DemandOptions, signatureDemand } from './signature-demand.ts'

/** What stands between a request and its handler, in every function alike. */
export interface Guard {
  /** Signature, limits, revocation and rules; goes into `createApp`. */
  readonly admit: Admit
  /** Limits, revocation and rules for a caller whom the handler has made out itself, as forward-auth does. */
  consider(call: GuardedCall, consideration: Consideration): Promise<Admission>
  /**
   * The second look of a login, by the rules about users, once it knows who calls.
   *
   * @throws Fault `risk_denied` or `rate_limited`
   */
  identified(call: GuardedCall, userId: string): Promise<void>
  /** The built-in policies under those that are published. */
  policies(call: Pick<GuardedCall, 'invocation' | 'signal'>): Promise<Policies>
}

export type GuardedCall = Pick<Arrival, 'request' | 'invocation' | 'signal'>

export interface Consideration {
  readonly caller: Caller
  /** Names of policies. */
  readonly limits: readonly string[]
  /** What is wrong with the caller; told once the limits have counted the call, or guessing would cost nothing. */
  readonly fault?: Fault
  readonly phase?: Look['phase']
  /** Whether the rules are left out. */
  readonly isUnjudged?: boolean | undefined
}

export interface GuardOptions extends DemandOptions {
  readonly sessions: SessionGuard
  readonly revocations: Revocations
  readonly signatures: SignatureCheck
  readonly limiter: Limiter
  readonly risk: Pick<Risk, 'inForce'>
  readonly judge: Judge
  readonly builtIn: Policies
  /** The mini-program's appid. */
  readonly tenant: string
}

export function createGuard(options: GuardOptions): Guard {
  const { sessions, revocations, signatures, limiter, judge, tenant } = options

  async function admit(arrival: Arrival): Promise<Admission> {
    const guard = guardOf(arrival.route)
    if (guard.isConsideredByHandler === true) return { headers: {} }
    const who = await identify(arrival, guard)
    const phase = guard.identifies === true ? 'before' : undefined
    return consider(arrival, { ...who, limits: guard.limits, phase, isUnjudged: guard.isUnjudged })
  }

  async function consider(call: GuardedCall, consideration: Consideration): Promise<Admission> {
    const { request, invocation, signal } = call
    const { caller, limits, fault, phase, isUnjudged = false } = consideration
    const { session } = caller
    const inForce = await rulesFor(call)
    const known = withBuiltIn(inForce)
    const checks = checksFor(limits, known, caller)
    const alsoGet = session === undefined ? [] : revocations.keys(session)
    const answer = await limiter.check({ checks, alsoGet }, signal)
    const refusal = limitRefusal(answer) ?? fault ?? ended(request, session, answer.values)
    if (refusal !== undefined || isUnjudged)
      return { headers: limitHeaders(answer.results), ...(refusal && { refusal }) }
    const look: Look = { caller, phase, inForce, policies: known, invocation }
    const judged = await judge(look, signal)
    const headers = limitHeaders([...answer.results, ...judged.results])
    return { headers, ...(judged.refusal === undefined ? {} : { refusal: judged.refusal }) }
  }

  /** Who calls, by token and signature. */
  async function identify(
    { route, request, invocation, body, signal }: Arrival,
    guard: RouteGuard,
  ): Promise<{ readonly caller: Caller; readonly fault?: Fault }> {
    const stranger = { ip: invocation.clientIp, device: deviceOf(request.headers), route, tenant }
    const demand = signatureDemand(guard, request.headers, options)
    const session = () => sessions.claims(request)
    try {
      const call = { request, body, session, requestId: invocation.requestId }
      const signed = demand && (await signatures.verify({ ...call, demand }, signal))
      if (signed?.partner !== undefined) return { caller: { ...stranger, partner: signed.partner } }
      const claims = signed === undefined ? await session().catch(noSession) : await session()
      return { caller: { ...stranger, ...(claims && { session: claims, userId: claims.userId }) } }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      return { caller: stranger, fault: error }
    }
  }

  function ended(
    request: Request,
    session: Session | undefined,
    values: readonly (string | undefined)[] | undefined,
  ): Fault | undefined {
    // Without values the store was not asked, or is down: the handler's own question finds its way then.
    if (session === undefined || values === undefined) return undefined
    const verdict = revocations.judge(session, values)
    sessions.note(request, verdict)
    return verdict === 'ended' ? new Fault('token_revoked') : undefined
  }

  async function identified(call: GuardedCall, userId: string): Promise<void> {
    const { request, invocation, signal } = call
    const device = deviceOf(request.headers)
    const caller = { ip: invocation.clientIp, device, route: 'POST /login', tenant, userId }
    const inForce = await rulesFor(call)
    const policies = withBuiltIn(inForce)
    const look: Look = { caller, phase: 'identified', inForce, policies, invocation }
    const { refusal } = await judge(look, signal)
    if (refusal !== undefined) throw refusal
  }

  function rulesFor({ invocation, signal }: Pick<GuardedCall, 'invocation' | 'signal'>): Promise<InForce> {
    return options.risk.inForce((work) => invocation.waitUntil(work), signal)
  }

  function withBuiltIn({ policies }: InForce): Policies {
    return { ...options.builtIn, ...policies }
  }

  async function policies(call: Pick<GuardedCall, 'invocation' | 'signal'>): Promise<Policies> {
    return withBuiltIn(await rulesFor(call))
  }

  return { admit, consider, identified, policies }
}

/** The handler of a route that needs a session refuses a bad token; where none is needed, a stale one does no harm. */
function noSession(error: unknown): undefined {
  if (!(error instanceof Fault)) throw error
}

function guardOf(route: string): RouteGuard {
  const guard = ROUTE_GUARDS[route]
  if (guard === undefined)
    throw new TypeError(`Cannot admit anybody to ${route}: ROUTE_GUARDS has no row for it`)
  return guard
}
