import { type Route, route } from '#shared/http/route.ts'
import type { PublishedVersion } from '#shared/risk/versions.ts'
import { actorOf, type RateCheckAdminOptions } from './admin-options.ts'
import { PoliciesChange } from './schemas.ts'

export function policiesRoutes({ requireAdmin, rulebook, builtIn }: RateCheckAdminOptions): readonly Route[] {
  const present = ({ version, content: { policies } }: PublishedVersion) => ({ version, policies, builtIn })
  return [
    /** GET /rate-check/policies → 200 {version, policies, builtIn}: published ones go before built-in ones (admin) */
    route({
      method: 'GET',
      path: '/rate-check/policies',
      async handle({ request, signal }) {
        await requireAdmin(request, signal)
        return { data: present(await rulebook.current(signal)) }
      },
    }),
    /** PUT /rate-check/policies {policies, baseVersion?} → 200 {version, policies, builtIn}; all of them anew (admin) */
    route({
      method: 'PUT',
      path: '/rate-check/policies',
      body: PoliciesChange,
      async handle({ request, body: { policies, baseVersion }, invocation, signal }) {
        const actor = actorOf(await requireAdmin(request, signal), invocation)
        return { data: present(await rulebook.publish({ change: { policies }, baseVersion }, actor, signal)) }
      },
    }),
  ]
}
