import type { QueryResult } from 'kysely'

/** One connection to a database server, without what a pool or a query builder adds. */
export interface Link {
  query(text: string, values: readonly unknown[]): Promise<QueryResult<Record<string, unknown>>>
  /** Whether it can no longer be used: the socket failed or the server said goodbye. */
  isBroken(): boolean
  /** Says goodbye and closes. */
  end(): Promise<void>
  /** Closes at once; statements under way fail. */
  destroy(): void
}

/** What differs between the servers' protocols. */
export interface LinkDriver {
  /** A connection that is authenticated and has its session settings. Rejects, and leaves nothing behind, when the signal ends. */
  connect(signal: AbortSignal): Promise<Link>
  /** Whether this failure passes by itself, so that a client may try again later. */
  isPassing(error: unknown): boolean
}

export const LIMITS = {
  /** For a connection to come free or to open, both together. */
  connectMs: 2_000,
  /**
   * For a statement, the wait for its connection included, unless `openDatabase` is told otherwise. Below the time a
   * request has, so that a database that hangs is answered as unavailable and not as a timeout.
   */
  statementMs: 4_000,
  lockMs: 2_000,
  idleInTransactionMs: 10_000,
  /** A connection unused for this long may have died while the instance was frozen, and is checked before use. */
  idleCheckMs: 20_000,
  checkMs: 200,
  idleMs: 10_000,
  lifetimeMs: 30 * 60_000,
} as const

/** The server's own limit is a little below ours: a slow statement then ends as an error on a sound connection. */
export function serverLimitMs(statementMs: number): number {
  return Math.ceil(statementMs * 0.9)
}

/** There is no connection to be had, or it was lost. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}
