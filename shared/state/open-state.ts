import { withBreaker } from './breaker.ts'
import { postgresState, type StateQueries } from './postgres-state.ts'
import { redisState } from './redis-state.ts'
import type { StateStore } from './store.ts'

export interface StateOptions {
  /** `redis://…`, `rediss://…` or `redis+cluster://…`. */
  readonly redisUrl?: string | undefined
  /** Statements on the database; undefined where that is not PostgreSQL. */
  readonly postgres?: StateQueries | undefined
}

/**
 * The state store of a deployment: Redis where it is configured, else the PostgreSQL database.
 *
 * @throws TypeError where there is neither.
 */
export function openState({ redisUrl, postgres }: StateOptions): StateStore {
  if (redisUrl !== undefined) return withBreaker(redisState({ url: redisUrl }))
  if (postgres !== undefined) return withBreaker(postgresState({ queries: postgres }))
  throw new TypeError(
    'Cannot open the state store: REDIS_URL is required where the database is not PostgreSQL',
  )
}
