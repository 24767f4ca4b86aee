import type { Selectable } from 'kysely'

export interface IdempotencyTable {
  /** SHA-256 (hex) of caller, route and key. */
  id: string
  /** SHA-256 (hex) of the request's body. */
  request_hash: string
  /** Null while the first request is still running. */
  status: number | null
  /** The stored JSON answer, encrypted at rest (`shared/crypto`). */
  response: string | null
  /** While running: when the claim may be taken over. Afterwards: when the row may go. */
  expires_at: Date
}

export type IdempotencyRow = Selectable<IdempotencyTable>
