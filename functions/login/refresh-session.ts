import type { Database } from '#shared/db/database.ts'
import { findUser } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import { route } from '#shared/http/route.ts'
import type { RefreshSession } from '#shared/tokens/session-refresher.ts'
import type { Present } from './present-session.ts'
import { Refresh } from './schemas.ts'

export interface RefreshOptions {
  readonly database: Database
  readonly refresh: RefreshSession
  readonly present: Present
}

/** POST /login/refresh {refreshToken} → 200, shaped like the answer of POST /login */
export function refreshSession({ database, refresh, present }: RefreshOptions) {
  return route({
    method: 'POST',
    path: '/login/refresh',
    body: Refresh,
    async handle({ body, invocation, signal }) {
      const { clientIp: ip, requestId } = invocation
      const issued = await refresh(body.refreshToken, { ip, requestId }, signal)
      const user = await findUser(await database.sql(), issued.userId, signal)
      if (user === undefined) throw new Fault('token_revoked')
      return { data: present(issued, user) }
    },
  })
}
