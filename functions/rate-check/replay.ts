import { type Route, route } from '#shared/http/route.ts'
import type { RateCheckAdminOptions } from './admin-options.ts'
import { RulesDraft } from './schemas.ts'

/** POST /rate-check/rules/replay {draft, limit?} → 200 {replayed, same, different, byAction} (admin) */
export function replayRules({ requireAdmin, rulebook }: RateCheckAdminOptions): Route {
  return route({
    method: 'POST',
    path: '/rate-check/rules/replay',
    body: RulesDraft,
    async handle({ request, body, signal }) {
      await requireAdmin(request, signal)
      return { data: await rulebook.replay(body.draft, { limit: body.limit }, signal) }
    },
  })
}
