import type { DenyListRow } from '#shared/db/tables/deny-list.ts'
import { type Route, route } from '#shared/http/route.ts'
import { actorOf, type RateCheckAdminOptions } from './admin-options.ts'
import { DeniedList, NewDenial } from './schemas.ts'

export function deniedRoutes({ requireAdmin, denyList }: RateCheckAdminOptions): readonly Route[] {
  return [
    /** GET /rate-check/denied?limit&cursor → 200 {items, nextCursor}: live entries, newest first (admin) */
    route({
      method: 'GET',
      path: '/rate-check/denied',
      query: DeniedList,
      async handle({ request, query: { limit, cursor }, signal }) {
        await requireAdmin(request, signal)
        const rows = await denyList.list({ limit: limit + 1, beforeId: cursor }, signal)
        const items = rows.slice(0, limit)
        const last = rows.length > limit ? items.at(-1) : undefined
        return { data: { items: items.map(presentDenial), nextCursor: last?.id ?? null } }
      },
    }),
    /** POST /rate-check/denied {kind, value, ttlS, reason?} → 201 the entry (admin) */
    route({
      method: 'POST',
      path: '/rate-check/denied',
      body: NewDenial,
      async handle({ request, body, invocation, signal }) {
        const actor = actorOf(await requireAdmin(request, signal), invocation)
        return { status: 201, data: presentDenial(await denyList.deny(body, actor, signal)) }
      },
    }),
    /** DELETE /rate-check/denied/{id} → 204 (admin) */
    route({
      method: 'DELETE',
      path: '/rate-check/denied/{id}',
      async handle({ request, params, invocation, signal }) {
        const actor = actorOf(await requireAdmin(request, signal), invocation)
        await denyList.remove(params['id'] ?? '', actor, signal)
        return { status: 204 }
      },
    }),
  ]
}

function presentDenial(row: DenyListRow) {
  const { id, kind, value, reason, expires_at: expiresAt, created_at: createdAt, created_by: createdBy } = row
  return { id, kind, value, reason, expiresAt, createdAt, createdBy }
}
