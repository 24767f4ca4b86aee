import type { IdempotencyTable } from './tables/idempotency.ts'
import type { AuditTable } from './tables/audit.ts'
import type { SessionsTable } from './tables/sessions.ts'
import type { UsersTable } from './tables/users.ts'

/** Every table by its name in SQL. Columns are snake_case in SQL and here alike. */
export interface Schema {
  readonly users: UsersTable
  readonly sessions: SessionsTable
  readonly audit: AuditTable
  readonly idempotency: IdempotencyTable
}
