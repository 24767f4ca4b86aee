import type { Selectable } from 'kysely'

/** `asked`: kept, the provider was not reached yet. `processing`: the provider has it. */
export type RefundState = 'asked' | 'processing' | 'succeeded' | 'closed' | 'abnormal'

export interface RefundsTable {
  /** UUIDv7; without its dashes it is the number that the provider knows. */
  id: string
  order_id: string
  /** SHA-256 (hex) of the client's idempotency key. */
  client_key: string | null
  state: RefundState
  amount_fen: number
  reason: string | null
  /** The provider's own number. */
  provider_id: string | null
  /** When the provider is to be asked, or asked about it. */
  poll_at: Date | null
  polls: number
  created_at: Date
  updated_at: Date
}

export type RefundRow = Selectable<RefundsTable>
