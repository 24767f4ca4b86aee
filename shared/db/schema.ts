import type { IdempotencyTable } from './tables/idempotency.ts'
import type { AuditTable } from './tables/audit.ts'
import type { MediaVerdictsTable } from './tables/media-verdicts.ts'
import type { NoncesTable } from './tables/nonces.ts'
import type { DenyListTable } from './tables/deny-list.ts'
import type { FileUsageTable } from './tables/file-usage.ts'
import type { FilesTable } from './tables/files.ts'
import type { GuardVersionsTable } from './tables/guard-versions.ts'
import type { InboxTable } from './tables/inbox.ts'
import type { OrdersTable } from './tables/orders.ts'
import type { OutboxTable } from './tables/outbox.ts'
import type { RefundsTable } from './tables/refunds.ts'
import type { RiskDecisionsTable } from './tables/risk-decisions.ts'
import type { SessionsTable } from './tables/sessions.ts'
import type { SubscriptionsTable } from './tables/subscriptions.ts'
import type { UsersTable } from './tables/users.ts'

/** Every table by its name in SQL. Columns are snake_case in SQL and here alike. */
export interface Schema {
  readonly users: UsersTable
  readonly sessions: SessionsTable
  readonly audit: AuditTable
  readonly idempotency: IdempotencyTable
  readonly nonces: NoncesTable
  readonly guard_versions: GuardVersionsTable
  readonly deny_list: DenyListTable
  readonly risk_decisions: RiskDecisionsTable
  readonly files: FilesTable
  readonly file_usage: FileUsageTable
  readonly media_verdicts: MediaVerdictsTable
  readonly inbox: InboxTable
  readonly outbox: OutboxTable
  readonly orders: OrdersTable
  readonly refunds: RefundsTable
  readonly subscriptions: SubscriptionsTable
}
