import { createSafety } from '#shared/files/safety.ts'
import type { FileParts, SafetyChecks } from '#shared/files/file-parts.ts'
import { sweepFiles } from '#shared/files/sweeps/sweep-files.ts'
import { createApp, type HttpApp } from '#shared/http/create-app.ts'
import type { RequestTracer } from '#shared/telemetry/request-tracer.ts'
import type { StateStore } from '#shared/state/store.ts'

export interface ReconcileOptions extends FileParts {
  readonly state: StateStore
  readonly checks: SafetyChecks
  /** What is tidied up besides, by name: each says how much it did. */
  readonly chores: Readonly<Record<string, Chore>>
  readonly tracer?: RequestTracer | undefined
}

export type Chore = (signal: AbortSignal) => Promise<unknown>

/** The reconcile function: a timer's event puts right whatever was left half done. It has no routes. */
export function createReconcileApp(options: ReconcileOptions): HttpApp {
  const { database, state, logger, clock } = options
  const parts = { ...options, safety: createSafety(options, options.checks) }
  return createApp({
    name: 'reconcile',
    logger,
    clock,
    tracer: options.tracer,
    routes: [],
    /** Any event will do: it says that it is time. */
    async event(_event, { signal }) {
      // One that fails keeps no other from its turn; the platform hears of it at the end.
      const chores = { ...options.chores, files: (own: AbortSignal) => sweepFiles(parts, own) }
      const failures: unknown[] = []
      for (const [chore, work] of Object.entries(chores)) {
        await work(signal).catch((cause: unknown) => {
          failures.push(cause)
          logger.error('reconcile.failed', { chore, cause })
        })
      }
      if (failures.length > 0) throw new AggregateError(failures, 'Some chores failed')
    },
    async warm(signal) {
      await database.warm(signal)
    },
    async close() {
      await Promise.all([database.close(), state.close()])
    },
  })
}
