import { findUser, listUsers } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import { type Route, route } from '#shared/http/route.ts'
import { readCursor } from '#shared/http/id-cursor.ts'
import { isUuid } from '#shared/ids.ts'
import { phoneIndex } from '#shared/users/phone-numbers.ts'
import type { AdministrationOptions } from './admin-call.ts'
import { administerUser } from './administer-user.ts'
import { createUser } from './create-user.ts'
import { NewUser, UserAdministration, UserList, UserSearch } from './schemas.ts'
import { userPage } from './user-page.ts'

export function administrationRoutes(options: AdministrationOptions): readonly Route[] {
  const { appId, database, requireAdmin, idempotency, phoneKeys } = options
  return [
    /** GET /users?limit&cursor → 200 {items, nextCursor}, newest first (admin) */
    route({
      method: 'GET',
      path: '/users',
      query: UserList,
      async handle({ request, query, signal }) {
        await requireAdmin(request, signal)
        const afterId = query.cursor === undefined ? undefined : readCursor(query.cursor)
        const rows = await listUsers(await database.sql(), { appId, limit: query.limit + 1, afterId }, signal)
        return { data: userPage(rows, query.limit) }
      },
    }),
    /** POST /users/search {phone} → 200 {items, nextCursor: null}; a body keeps the number out of URLs (admin) */
    route({
      method: 'POST',
      path: '/users/search',
      body: UserSearch,
      async handle({ request, body, signal }) {
        await requireAdmin(request, signal)
        const wanted = phoneIndex(phoneKeys.indexKey, body.phone)
        const rows = await listUsers(await database.sql(), { appId, limit: 100, phoneIndex: wanted }, signal)
        return { data: userPage(rows, 100) }
      },
    }),
    /** POST /users {openid?, nickname?, gender?, locale?, phone?, roles?} → 201 the user (admin, Idempotency-Key) */
    route({
      method: 'POST',
      path: '/users',
      body: NewUser,
      async handle({ request, body, invocation, signal }) {
        const { user: admin } = await requireAdmin(request, signal)
        const call = { callerId: admin.id, route: 'POST /users', headers: request.headers, body }
        return idempotency.run(
          call,
          (keep) => createUser(options, { body, admin, invocation, keep }, signal),
          signal,
        )
      },
    }),
    /** PUT /users/{id} {status?, roles?} → 200 the user; a ban ends every session at once (admin) */
    route({
      method: 'PUT',
      path: '/users/{id}',
      body: UserAdministration,
      async handle({ request, params, body, invocation, signal }) {
        const { user: admin } = await requireAdmin(request, signal)
        const id = params['id'] ?? ''
        const user = isUuid(id) ? await findUser(await database.sql(), id, signal) : undefined
        if (user === undefined || user.status === 'deleted' || user.app_id !== appId)
          throw new Fault('not_found')
        return administerUser(options, user, { body, admin, invocation }, signal)
      },
    }),
  ]
}
