import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import {
  findUser,
  insertUserOnce,
  listUsers,
  newUser,
  updateUser,
  type UserRow,
} from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Invocation } from '#shared/http/app.ts'
import { type Reply, type Route, route } from '#shared/http/route.ts'
import type { Idempotency } from '#shared/idempotency/idempotency.ts'
import { isUuid } from '#shared/ids.ts'
import type { SessionEnder } from '#shared/tokens/session-ender.ts'
import { phoneColumns, phoneIndex, type PhoneKeys } from '#shared/users/phone-numbers.ts'
import { presentUserToAdmin } from '#shared/users/present-user.ts'
import type { InferOutput } from 'valibot'
import type { RequireUser } from './current-user.ts'
import { NewUser, UserAdministration, UserList, UserSearch } from './schemas.ts'

export interface AdministrationOptions {
  readonly appId: string
  readonly database: Database
  readonly requireAdmin: RequireUser
  readonly ender: SessionEnder
  readonly idempotency: Idempotency
  readonly phoneKeys: PhoneKeys
  readonly clock: Clock
}

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
        const rows = await listUsers(database.sql, { appId, limit: query.limit + 1, afterId }, signal)
        return { data: page(rows, query.limit) }
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
        const rows = await listUsers(database.sql, { appId, limit: 100, phoneIndex: wanted }, signal)
        return { data: page(rows, 100) }
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
        return idempotency.run(call, () => createUser(options, body, admin, invocation, signal), signal)
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
        const user = isUuid(id) ? await findUser(database.sql, id, signal) : undefined
        if (user === undefined || user.status === 'deleted' || user.app_id !== appId)
          throw new Fault('not_found')
        return administer(options, user, body, admin, invocation, signal)
      },
    }),
  ]
}

async function createUser(
  { appId, database, phoneKeys, clock }: AdministrationOptions,
  body: InferOutput<typeof NewUser>,
  admin: UserRow,
  { clientIp: ip, requestId }: Invocation,
  signal: AbortSignal,
): Promise<Reply> {
  const now = new Date(clock())
  const { openid, phone, nickname = null, gender = 'unknown', locale = null, roles = [] } = body
  const blank = newUser({ appId, openid, now, nickname, gender, locale, roles: roles.join(',') })
  const user = { ...blank, ...(phone === undefined ? {} : phoneColumns(phoneKeys, blank.id, phone)) }
  return database.sql.transaction().execute(async (sql) => {
    await insertUserOnce({ sql, dialect: database.dialect }, user, signal)
    const created = await findUser(sql, user.id, signal)
    if (created === undefined)
      throw new Fault('conflict', { details: [{ path: 'openid', message: 'a user has it already' }] })
    await insertAudit(
      sql,
      { action: 'user.created', actorId: admin.id, subjectId: user.id, ip, requestId },
      now,
      signal,
    )
    return { status: 201, data: presentUserToAdmin(created) }
  })
}

async function administer(
  { database, ender, clock }: AdministrationOptions,
  user: UserRow,
  { status, roles }: InferOutput<typeof UserAdministration>,
  admin: UserRow,
  { clientIp: ip, requestId }: Invocation,
  signal: AbortSignal,
): Promise<Reply> {
  if (user.id === admin.id)
    throw new Fault('conflict', { details: [{ message: 'administer yourself through another admin' }] })
  const now = new Date(clock())
  const change = {
    ...(status === undefined ? {} : { status }),
    ...(roles === undefined ? {} : { roles: roles.join(',') }),
    updated_at: now,
  }
  const apply = async (sql: Database['sql']) => {
    if (!(await updateUser(sql, user.id, change, signal))) throw new Fault('not_found')
    const details = { status, roles }
    await insertAudit(
      sql,
      { action: 'user.administered', actorId: admin.id, subjectId: user.id, ip, requestId, details },
      now,
      signal,
    )
  }
  const ending = { userId: user.id, reason: 'banned', actorId: admin.id, ip, requestId } as const
  if (status === 'banned' && user.status !== 'banned') await ender.endAll(ending, apply, signal)
  else await database.sql.transaction().execute(apply)
  return { data: presentUserToAdmin({ ...user, ...change }) }
}

/** One row more than the page was read, to know whether another page follows. */
function page(rows: readonly UserRow[], limit: number) {
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(presentUserToAdmin),
    nextCursor: last === undefined ? null : writeCursor(last.id),
  }
}

function writeCursor(id: string): string {
  return Buffer.from(`id:${id}`).toString('base64url')
}

function readCursor(cursor: string): string {
  const [, id = ''] = /^id:(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (!isUuid(id))
    throw new Fault('validation_failed', { details: [{ path: 'cursor', message: 'is not one of ours' }] })
  return id
}
