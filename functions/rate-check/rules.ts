import { Fault } from '#shared/errors.ts'
import { type Route, route } from '#shared/http/route.ts'
import type { PublishedVersion } from '#shared/risk/versions.ts'
import { actorOf, type RateCheckAdminOptions } from './admin-options.ts'
import { RulesChange, VersionList } from './schemas.ts'

export function rulesRoutes({ requireAdmin, rulebook }: RateCheckAdminOptions): readonly Route[] {
  return [
    /** GET /rate-check/rules → 200 {version, rules, counters, cases, counts, publishedAt, publishedBy} (admin) */
    route({
      method: 'GET',
      path: '/rate-check/rules',
      async handle({ request, signal }) {
        await requireAdmin(request, signal)
        const current = await rulebook.current(signal)
        return { data: { ...presentRules(current), counts: await rulebook.counts(current, signal) } }
      },
    }),
    /** GET /rate-check/rules/versions?limit&cursor → 200 {items, nextCursor}, newest first (admin) */
    route({
      method: 'GET',
      path: '/rate-check/rules/versions',
      query: VersionList,
      async handle({ request, query, signal }) {
        await requireAdmin(request, signal)
        const page = { before: query.cursor, limit: query.limit + 1 }
        const versions = await rulebook.versions(page, signal)
        const items = versions.slice(0, query.limit)
        const last = versions.length > query.limit ? items.at(-1) : undefined
        return { data: { items, nextCursor: last === undefined ? null : String(last.version) } }
      },
    }),
    /** GET /rate-check/rules/versions/{version} → 200 the version as it was published (admin) */
    route({
      method: 'GET',
      path: '/rate-check/rules/versions/{version}',
      async handle({ request, params, signal }) {
        await requireAdmin(request, signal)
        const published = await rulebook.version(readVersion(params['version']), signal)
        return { data: { ...presentRules(published), policies: published.content.policies } }
      },
    }),
    /** PUT /rate-check/rules {rules, counters?, cases?, baseVersion?} or {version, baseVersion?} → 200 the version (admin) */
    route({
      method: 'PUT',
      path: '/rate-check/rules',
      body: RulesChange,
      async handle({ request, body, invocation, signal }) {
        const actor = actorOf(await requireAdmin(request, signal), invocation)
        const { version, baseVersion, ...change } = body
        const published =
          version === undefined
            ? await rulebook.publish({ change, baseVersion }, actor, signal)
            : await rulebook.restore({ version, baseVersion }, actor, signal)
        return { data: presentRules(published) }
      },
    }),
  ]
}

function presentRules({ version, content, publishedAt, publishedBy }: PublishedVersion) {
  const { rules, counters, cases } = content
  return { version, rules, counters, cases, publishedAt, publishedBy }
}

function readVersion(text = ''): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Fault('not_found')
  return Number(text)
}
