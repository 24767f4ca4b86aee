import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import type { Policies } from '#shared/limit-policy.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { Decision, Occasion } from './decision.ts'

export type { Decision, Occasion }

export interface Risk {
  /** What the published deny list and rules say. Never rejects because a store is down. */
  decide(occasion: Occasion, signal: AbortSignal): Promise<Decision>
  /** Policies published over the built-in ones, as of now. */
  policies(signal: AbortSignal): Promise<Policies>
  /** Writes what is still buffered. */
  close(): Promise<void>
}

export interface RiskOptions {
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
}

/** The published rules at work. */
export function createRisk(_options: RiskOptions): Risk {
  return {
    decide: async () => ({ action: 'allow' }),
    policies: async () => ({}),
    close: async () => {},
  }
}
