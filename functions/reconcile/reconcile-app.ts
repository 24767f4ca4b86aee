import { createSafety } from '#shared/files/safety.ts'
import type { FileParts, SafetyChecks } from '#shared/files/file-parts.ts'
import { sweepFiles } from '#shared/files/sweeps/sweep-files.ts'
import { createApp, type HttpApp } from '#shared/http/create-app.ts'
import type { StateStore } from '#shared/state/store.ts'

export interface ReconcileOptions extends FileParts {
  readonly state: StateStore
  readonly checks: SafetyChecks
}

/** The reconcile function: a timer's event puts right whatever was left half done. It has no routes. */
export function createReconcileApp(options: ReconcileOptions): HttpApp {
  const { database, state, logger, clock } = options
  const parts = { ...options, safety: createSafety(options, options.checks) }
  return createApp({
    name: 'reconcile',
    logger,
    clock,
    routes: [],
    /** Any event will do: it says that it is time. */
    async event(_event, { signal }) {
      await sweepFiles(parts, signal)
    },
    async warm(signal) {
      await database.warm(signal)
    },
    async close() {
      await Promise.all([database.close(), state.close()])
    },
  })
}
