import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import type { UserRow } from '#shared/db/tables/users.ts'
import type { Invocation } from '#shared/http/app.ts'
import type { Idempotency } from '#shared/idempotency/idempotency.ts'
import type { SessionEnder } from '#shared/tokens/session-ender.ts'
import type { PhoneKeys } from '#shared/users/phone-numbers.ts'
import type { RequireUser } from '#shared/backend/current-user.ts'

export interface AdministrationOptions {
  readonly appId: string
  readonly database: Database
  readonly requireAdmin: RequireUser
  readonly ender: SessionEnder
  readonly idempotency: Idempotency
  readonly phoneKeys: PhoneKeys
  readonly clock: Clock
}

/** What an admin asks for, and who asks. */
export interface AdminCall<Body> {
  readonly body: Body
  readonly admin: UserRow
  readonly invocation: Invocation
}
