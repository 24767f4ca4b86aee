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
 * since it may come before the file has got its trace id, and whoever gives it one looks here. Who looks between the two
 * sees nothing before the transaction ends, so it is applied once more afterwards.
 */
export function createTakeMediaVerdict({ database, ...options }: TakeMediaVerdictOptions): TakeMediaVerdict {
  return async ({ traceId, ...said }, { sql, dialect }, signal) => {
    const verdict = { trace_id: traceId, ...said, at: new Date(options.clock()) }
    await insertVerdictOnce({ sql, dialect }, verdict, signal)
    await applyVerdict({ ...options, sql }, verdict, signal)
    return async (own) => applyVerdict({ ...options, sql: await database.sql() }, verdict, own)
  }
}
