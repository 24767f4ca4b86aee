import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { insertVerdictOnce } from '#shared/db/tables/media-verdicts.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { applyVerdict } from './apply-verdict.ts'
import type { TakeMediaVerdict } from './media-verdict.ts'

export interface TakeMediaVerdictOptions {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Takes what content safety says about a file; the first word under a trace id counts. It is kept before it is applied,
 * since it may come before the file has got its trace id, and whoever gives it one looks here.
 */
export function createTakeMediaVerdict(options: TakeMediaVerdictOptions): TakeMediaVerdict {
  return async ({ traceId, ...said }, signal) => {
    const verdict = { trace_id: traceId, ...said, at: new Date(options.clock()) }
    await insertVerdictOnce(options.database, verdict, signal)
    await applyVerdict(options, verdict, signal)
  }
}
