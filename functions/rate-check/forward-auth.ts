import * as v from 'valibot'
import type { RequireUser } from '#shared/backend/current-user.ts'
import { Fault } from '#shared/errors.ts'
import { type Caller, deviceOf } from '#shared/guard/caller.ts'
import type { Guard } from '#shared/guard/guard.ts'
import { failure } from '#shared/http/envelope.ts'
import { preferredLanguage } from '#shared/http/language.ts'
import { type Call, type Reply, route } from '#shared/http/route.ts'
import { findPolicy, type Policy, PolicyName } from '#shared/limit-policy.ts'
import type { SessionGuard } from '#shared/tokens/session-guard.ts'
import { rolesOf } from '#shared/users/present-user.ts'
import { originalRoute } from './original-route.ts'

export const ForwardAuth = v.strictObject({
  /** Whether somebody without a session may pass. */
  session: v.optional(v.picklist(['required', 'optional']), 'required'),
  /** A role that the user must have; asks the database. */
  role: v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,30}$/, 'expected the name of a role'))),
  /** A further limit, beside the one on forward-auth itself. */
  policy: v.optional(PolicyName),
  /** The status of "too many requests", since nginx takes anything but 401 and 403 for a failure of ours. */
  limited: v.optional(v.picklist(['429', '403']), '429'),
})

type Query = v.InferOutput<typeof ForwardAuth>

export interface ForwardAuthOptions {
  readonly appId: string
  readonly guard: Pick<Guard, 'consider' | 'policies'>
  readonly sessions: SessionGuard
  readonly requireUser: RequireUser
}

/** Set in every answer, empty where there is nothing to say: a gateway that copies them replaces what a client sent. */
const NOBODY = { 'x-auth-sub': '', 'x-auth-sid': '', 'x-auth-scope': '' }

/**
 * ANY /rate-check/auth?session&role&policy&limited → 200 with X-Auth-Sub, X-Auth-Sid and X-Auth-Scope, else 401, 403 or
 * 429: asked by a gateway about a request of its own, before it lets that through to an upstream. Rules see the
 * original method and path where a trusted hop reports them.
 */
export function forwardAuth({ appId, guard, sessions, requireUser }: ForwardAuthOptions) {
  async function handle(call: Call<unknown, Query>): Promise<Response | Reply> {
    const { request, query, invocation } = call
    const { caller, fault } = await identify(request, query, invocation.clientIp)
    const unfit = await unfitPolicy(call)
    // One that does not exist cannot be taken, and the call that names it counts all the same.
    const named = query.policy === undefined || unfit !== undefined ? [] : [query.policy]
    const wrong = unfit ?? fault
    const limits = ['forward-auth', ...named]
    const consideration = { caller, limits, ...(wrong === undefined ? {} : { fault: wrong }) }
    const { headers, refusal } = await guard.consider(call, consideration)
    if (refusal !== undefined) return refused(call, refusal, headers)
    try {
      return { headers: { ...headers, ...(await identity(call)) } }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      return refused(call, error, headers)
    }
  }

  async function unfitPolicy(call: Call<unknown, Query>): Promise<Fault | undefined> {
    const { policy: name, session } = call.query
    if (name === undefined) return undefined
    const message = misfit(findPolicy(await guard.policies(call), name), session)
    if (message === undefined) return undefined
    return new Fault('validation_failed', { details: [{ path: 'policy', message }] })
  }

  async function identify(request: Request, { session }: Query, ip: string) {
    const original = originalRoute(request)
    const route = 'route' in original ? original.route : ''
    const stranger = { ip, device: deviceOf(request.headers), route, tenant: appId }
    if (!('route' in original)) return { caller: stranger, fault: ambiguous() }
    try {
      const claims = await sessions.claims(request)
      if (claims === undefined && session === 'required') throw new Fault('unauthenticated')
      const caller: Caller = { ...stranger, ...(claims && { session: claims, userId: claims.userId }) }
      return { caller }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      return { caller: stranger, fault: error }
    }
  }

  async function identity({ request, query, signal }: Call<unknown, Query>) {
    const claims = await sessions.claims(request)
    if (query.role !== undefined) return roleHolder(query.role, request, signal)
    if (claims === undefined) return NOBODY
    const { userId, sessionId } = await sessions.require(request, signal)
    return { 'x-auth-sub': userId, 'x-auth-sid': sessionId, 'x-auth-scope': 'user' }
  }

  async function roleHolder(role: string, request: Request, signal: AbortSignal) {
    const { user, session } = await requireUser(request, signal)
    const roles = rolesOf(user)
    if (!roles.includes(role)) throw new Fault('forbidden', { details: [{ reason: 'role_missing' }] })
    return {
      'x-auth-sub': user.id,
      'x-auth-sid': session.sessionId,
      'x-auth-scope': ['user', ...roles].join(' '),
    }
  }

  return route({ method: 'ANY', path: '/rate-check/auth', query: ForwardAuth, handle })
}

function ambiguous(): Fault {
  return new Fault('forbidden', { details: [{ reason: 'ambiguous_path' }] })
}

/** Why a limit that the gateway names would never count anything. */
function misfit(policy: Policy | undefined, session: Query['session']): string | undefined {
  if (policy === undefined) return 'no such policy'
  if (policy.by.includes('tenant')) return 'counts by tenant, which a gateway does not tell'
  if (policy.by.includes('user') && session === 'optional')
    return 'counts by user, which needs session=required'
  return undefined
}

function refused(
  { request, query, invocation }: Call<unknown, Query>,
  fault: Fault,
  headers: Readonly<Record<string, string>>,
): Response {
  const language = preferredLanguage(request.headers.get('accept-language'))
  const answer = failure(fault, invocation.requestId, language)
  const all = { ...headers, ...NOBODY, 'x-auth-error': fault.error }
  for (const [name, value] of Object.entries(all)) answer.headers.set(name, value)
  const status = answer.status === 429 ? Number(query.limited) : answer.status
  return new Response(answer.body, { status, headers: answer.headers })
}
