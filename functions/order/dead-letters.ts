import type { RequireUser } from '#shared/backend/current-user.ts'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { listDeadMessages, type OutboxRow, redriveMessages } from '#shared/db/tables/outbox.ts'
import { Fault } from '#shared/errors.ts'
import { readCursor, writeCursor } from '#shared/http/id-cursor.ts'
import { type Call, type Reply, type Route, route } from '#shared/http/route.ts'
import { isUuid } from '#shared/ids.ts'
import { DeadLetters, Redrive } from './schemas.ts'

export interface DeadLetterOptions {
  readonly database: Database
  readonly clock: Clock
  readonly requireAdmin: RequireUser
  /** Delivers what is due. */
  readonly deliver: (signal: AbortSignal) => Promise<unknown>
}

/** As many as one call sends again; another call takes the next. */
const BULK = 1_000

/** Messages whose attempts are used up: an admin looks at them and has them sent again. */
export function deadLetterRoutes(options: DeadLetterOptions): readonly Route[] {
  const { database, requireAdmin } = options
  return [
    /** GET /outbox/dead?topic&target&limit&cursor → 200 {items, nextCursor}, newest first (admin) */
    route({
      method: 'GET',
      path: '/outbox/dead',
      query: DeadLetters,
      async handle({ request, query: { cursor, limit, ...which }, signal }) {
        await requireAdmin(request, signal)
        const page = {
          ...which,
          limit: limit + 1,
          ...(cursor === undefined ? {} : { beforeId: readCursor(cursor) }),
        }
        const rows = await listDeadMessages(await database.sql(), page, signal)
        const items = rows.slice(0, limit)
        const last = rows.length > limit ? items.at(-1) : undefined
        const nextCursor = last === undefined ? null : writeCursor(last.id)
        return { data: { items: items.map(presentMessage), nextCursor } }
      },
    }),
    /** POST /outbox/dead/redrive {topic?, target?} → 200 {redriven, isMore}; the newest 1,000 at most (admin) */
    route({
      method: 'POST',
      path: '/outbox/dead/redrive',
      body: Redrive,
      bodyOptional: true,
      async handle(call) {
        const { user } = await requireAdmin(call.request, call.signal)
        const which = { ...call.body, limit: BULK + 1 }
        const rows = await listDeadMessages(await database.sql(), which, call.signal)
        const ids = rows.slice(0, BULK).map(({ id }) => id)
        return {
          data: {
            redriven: await redrive(options, { ids, actorId: user.id }, call),
            isMore: rows.length > BULK,
          },
        }
      },
    }),
    /** POST /outbox/dead/{id}/redrive → 200 {redriven: 1} (admin) */
    route({
      method: 'POST',
      path: '/outbox/dead/{id}/redrive',
      async handle(call): Promise<Reply> {
        const { user } = await requireAdmin(call.request, call.signal)
        const id = call.params['id'] ?? ''
        const ids = isUuid(id) ? [id] : []
        const redriven = await redrive(options, { ids, actorId: user.id }, call)
        if (redriven === 0) throw new Fault('not_found')
        return { data: { redriven } }
      },
    }),
  ]
}

async function redrive(
  { database, clock, deliver }: DeadLetterOptions,
  { ids, actorId }: { readonly ids: readonly string[]; readonly actorId: string },
  { invocation, signal }: Pick<Call, 'invocation' | 'signal'>,
): Promise<number> {
  const { clientIp: ip, requestId } = invocation
  const now = new Date(clock())
  const sql = await database.sql()
  const redriven = await sql.transaction().execute(async (own) => {
    const count = await redriveMessages(own, { ids, now }, signal)
    const entry = { action: 'outbox.redriven', actorId, subjectId: null, ip, requestId }
    const details = { count, ...(ids.length === 1 ? { messageId: ids[0] } : {}) }
    if (count > 0) await insertAudit(own, { ...entry, details }, now, signal)
    return count
  })
  invocation.waitUntil(deliver(invocation.signal))
  return redriven
}

function presentMessage(row: OutboxRow) {
  return {
    id: row.id,
    topic: row.topic,
    target: row.target,
    payload: JSON.parse(row.payload),
    attempts: row.attempts,
    lastError: row.last_error,
    requestId: row.request_id,
    createdAt: row.created_at.toISOString(),
  }
}
