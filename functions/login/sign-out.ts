import { route } from '#shared/http/route.ts'
import type { SessionEnder } from '#shared/tokens/session-ender.ts'
import type { SessionGuard } from '#shared/tokens/session-guard.ts'
import { SignOut } from './schemas.ts'

export interface SignOutOptions {
  readonly sessions: SessionGuard
  readonly ender: SessionEnder
}

/** POST /logout {everywhere?} → 200 {} */
export function signOut({ sessions, ender }: SignOutOptions) {
  return route({
    method: 'POST',
    path: '/logout',
    body: SignOut,
    bodyOptional: true,
    async handle({ request, body, invocation, signal }) {
      const { userId, sessionId } = await sessions.require(request, signal)
      const { clientIp: ip, requestId } = invocation
      const ending = { userId, reason: 'logout', actorId: userId, ip, requestId } as const
      if (body.everywhere === true) await ender.endAll(ending, async () => {}, signal)
      else await ender.endOne(sessionId, ending, signal)
      return {}
    },
  })
}
