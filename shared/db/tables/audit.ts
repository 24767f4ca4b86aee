import type { Insertable, Selectable } from 'kysely'
import type { Queries } from '#shared/db/database.ts'
import { uuidv7 } from '#shared/ids.ts'

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

/** What an audit row says, without its id and time. */
export interface AuditEntry {
  readonly action: string
  readonly actorId: string | null
  readonly subjectId: string | null
  readonly ip?: string | undefined
  readonly requestId?: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Writes who did what to whom; in the transaction of the change itself, so that neither is there without the other. */
export async function insertAudit(
  sql: Queries,
  entry: AuditEntry,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  const row: NewAudit = {
    id: uuidv7(now.getTime()),
    at: now,
    action: entry.action,
    actor_id: entry.actorId,
    subject_id: entry.subjectId,
    ip: entry.ip ?? null,
    request_id: entry.requestId ?? null,
    details: JSON.stringify(entry.details ?? {}),
  }
  await sql.insertInto('audit').values(row).execute({ signal })
}

/** The latest rows about a user, newest first. */
export function listAudit(
  sql: Queries,
  subjectId: string,
  limit: number,
  signal: AbortSignal,
): Promise<AuditRow[]> {
  return sql
    .selectFrom('audit')
    .selectAll()
    .where('subject_id', '=', subjectId)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute({ signal })
}

/**
 * Removes a user's addresses from the audit: where they acted, and where somebody unknown acted as them. Who did what
 * and when stays, and so does the address of an admin who acted on them.
 */
export async function eraseAuditDetails(sql: Queries, userId: string, signal: AbortSignal): Promise<void> {
  await sql
    .updateTable('audit')
    .set({ ip: null })
    .where((is) =>
      is.or([
        is('actor_id', '=', userId),
        is.and([is('actor_id', 'is', null), is('subject_id', '=', userId)]),
      ]),
    )
    .execute({ signal })
}
