import type { Database } from '#shared/db/database.ts'
import { findUser } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import { route } from '#shared/http/route.ts'
import type { SessionIssuer } from '#shared/tokens/session-issuer.ts'
import type { Present } from './present-session.ts'
import { Refresh } from './schemas.ts'

export interface RefreshOptions {
  readonly database: Database
  readonly issuer: SessionIssuer
  readonly present: Present
}

/** POST /login/refresh {refreshToken} → 200, shaped like the answer of POST /login */
export function refreshSession({ database, issuer, present }: RefreshOptions) {
  return route({
    method: 'POST',
    path: '/login/refresh',
    body: Refresh,
    async handle({ body, invocation, signal }) {
      const { clientIp: ip, requestId } = invocation
      const issued = await issuer.refresh(body.refreshToken, { ip, requestId }, signal)
      const user = await findUser(database.sql, issued.userId, signal)
      if (user === undefined) throw new Fault('token_revoked')
      return { data: present(issued, user) }
    },
  })
}
