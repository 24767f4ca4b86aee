import type { RequireUser } from '#shared/backend/current-user.ts'
import type { FileParts } from '#shared/files/file-parts.ts'
import type { Safety } from '#shared/files/safety.ts'
import type { Idempotency } from '#shared/idempotency/idempotency.ts'

/** What the routes of this function have at hand. */
export interface UploadRouteOptions extends FileParts {
  readonly requireUser: RequireUser
  readonly requireAdmin: RequireUser
  readonly safety: Safety
  readonly idempotency: Idempotency
  /** Whether clients are sent to the bucket for contents, or get them through the function. */
  readonly download: 'redirect' | 'stream'
}
