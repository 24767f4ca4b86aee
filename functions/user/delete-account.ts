import type { CloseAccount } from '#shared/backend/close-account.ts'
import type { RequireUser } from '#shared/backend/current-user.ts'
import type { Database } from '#shared/db/database.ts'
import { purgeFilesOf } from '#shared/files/remove-file.ts'
import { route } from '#shared/http/route.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { RequireFreshLogin } from './fresh-login.ts'
import { Deletion } from './schemas.ts'

export interface DeleteAccountOptions {
  readonly requireUser: RequireUser
  readonly requireFreshLogin: RequireFreshLogin
  readonly closeAccount: CloseAccount
  readonly database: Database
  readonly storage: ObjectStore
  readonly logger: Logger
}

/**
 * DELETE /user {loginCode?} → 200 {}: ends every session and erases the personal data, files included; an audit row
 * stays.
 */
export function deleteAccount(options: DeleteAccountOptions) {
  const { requireUser, requireFreshLogin, closeAccount, database, logger } = options
  return route({
    method: 'DELETE',
    path: '/user',
    body: Deletion,
    bodyOptional: true,
    async handle({ request, body, invocation, signal }) {
      const current = await requireUser(request, signal)
      await requireFreshLogin(current, body.loginCode, signal)
      const userId = current.user.id
      const { clientIp: ip, requestId } = invocation
      const closing = { userId, actorId: userId, ip, requestId }
      const sql = await database.sql()
      const afterCommit = await sql.transaction().execute((own) => closeAccount(own, closing, signal))
      await afterCommit(signal)
      const purge = purgeFilesOf(options, userId, invocation.signal).catch((cause: unknown) =>
        logger.warn('files.left_to_sweep', { cause }),
      )
      invocation.waitUntil(purge)
      return {}
    },
  })
}
