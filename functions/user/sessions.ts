import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { listLiveSessions, type SessionRow } from '#shared/db/tables/sessions.ts'
import { Fault } from '#shared/errors.ts'
import { type Route, route } from '#shared/http/route.ts'
import type { SessionEnder } from '#shared/tokens/session-ender.ts'
import type { RequireUser } from '#shared/backend/current-user.ts'

export interface SessionsOptions {
  readonly database: Database
  readonly requireUser: RequireUser
  readonly ender: SessionEnder
  readonly clock: Clock
}

export function sessionRoutes({ database, requireUser, ender, clock }: SessionsOptions): readonly Route[] {
  return [
    /** GET /user/sessions → 200 {items: [{id, current, device, lastIp, createdAt, lastUsedAt, expiresAt}], nextCursor: null} */
    route({
      method: 'GET',
      path: '/user/sessions',
      async handle({ request, signal }) {
        const { session, user } = await requireUser(request, signal)
        const rows = await listLiveSessions(
          await database.sql(),
          { userId: user.id, now: new Date(clock()) },
          signal,
        )
        const items = rows.map((row) => ({ current: row.id === session.sessionId, ...presentSession(row) }))
        return { data: { items: items.toReversed(), nextCursor: null } }
      },
    }),
    /** DELETE /user/sessions/{sid} → 200 {}; not_found for a session that is not a live one of the caller's */
    route({
      method: 'DELETE',
      path: '/user/sessions/{sid}',
      async handle({ request, params, invocation, signal }) {
        const { user } = await requireUser(request, signal)
        const { clientIp: ip, requestId } = invocation
        const ending = { userId: user.id, reason: 'kicked', actorId: user.id, ip, requestId } as const
        if (!(await ender.endOne(params['sid'] ?? '', ending, signal))) throw new Fault('not_found')
        return {}
      },
    }),
  ]
}

export function presentSession(row: SessionRow) {
  return {
    id: row.id,
    device: { id: row.device_id, model: row.device_model, platform: row.device_platform },
    lastIp: row.last_ip,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.rotated_at.toISOString(),
    expiresAt: row.idle_expires_at.toISOString(),
  }
}
