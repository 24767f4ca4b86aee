import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import { createRequireAdmin, createRequireUser } from '#shared/backend/current-user.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import { createDenyList } from '#shared/risk/deny-list.ts'
import { createRulebook } from '#shared/risk/rulebook.ts'
import { rateCheck } from './check.ts'
import { deniedRoutes } from './denied.ts'
import { forwardAuth } from './forward-auth.ts'
import { policiesRoutes } from './policies.ts'
import { replayRules } from './replay.ts'
import { rulesRoutes } from './rules.ts'

/** The rate-check function over its ports. */
export function createRateCheckApp(options: BackendOptions): HttpApp {
  const backend = createBackend(options)
  const { builtIn } = backend
  const requireUser = createRequireUser(backend.sessions, options.database)
  const parts = {
    ...options,
    ...backend,
    requireUser,
    requireAdmin: createRequireAdmin(requireUser),
    rulebook: createRulebook({ ...options, builtInPolicies: Object.keys(builtIn) }),
    denyList: createDenyList(options),
  }

  return backend.app('rate-check', [
    rateCheck(parts),
    forwardAuth(parts),
    ...rulesRoutes(parts),
    replayRules(parts),
    ...policiesRoutes(parts),
    ...deniedRoutes(parts),
  ])
}
