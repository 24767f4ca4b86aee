import type { Insertable, Selectable } from 'kysely'

export interface AuditTable {
  /** UUIDv7. */
  id: string
  at: Date
  /** Dotted constant, such as `user.deleted`. */
  action: string
  /** The user who acted; null for the system. */
  actor_id: string | null
  /** The user acted upon. */
  subject_id: string | null
  ip: string | null
  request_id: string | null
  /** JSON without personal data. */
  details: string
}

export type AuditRow = Selectable<AuditTable>
export type NewAudit = Insertable<AuditTable>
