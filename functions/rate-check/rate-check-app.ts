import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import { createRequireAdmin, createRequireUser } from '#shared/backend/current-user.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import { rateCheck } from './check.ts'
import { forwardAuth } from './forward-auth.ts'

export type RateCheckAppOptions = BackendOptions

/** The rate-check function over its ports. */
export function createRateCheckApp(options: RateCheckAppOptions): HttpApp {
  const { appId, database } = options
  const backend = createBackend(options)
  const { sessions, guard } = backend
  const requireUser = createRequireUser(sessions, database)
  const requireAdmin = createRequireAdmin(requireUser)
  const parts = { ...options, ...backend, requireAdmin }

  return backend.app('rate-check', [rateCheck(parts), forwardAuth({ appId, guard, sessions, requireUser })])
}
