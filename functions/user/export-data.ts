import type { Database, Queries } from '#shared/db/database.ts'
import { listAudit } from '#shared/db/tables/audit.ts'
import { type FileRow, listFiles } from '#shared/db/tables/files.ts'
import { listOrdersOf, type OrderRow } from '#shared/db/tables/orders.ts'
import { listRefundsOfAll } from '#shared/db/tables/refunds.ts'
import { listDecisionsAbout } from '#shared/db/tables/risk-decisions.ts'
import { listSubscriptions } from '#shared/db/tables/subscriptions.ts'
import { listSessions } from '#shared/db/tables/sessions.ts'
import { presentFile } from '#shared/files/present-file.ts'
import { route } from '#shared/http/route.ts'
import { presentOrder, presentRefund } from '#shared/payments/present-order.ts'
import { presentUser } from '#shared/users/present-user.ts'
import type { RequireUser } from '#shared/backend/current-user.ts'
import { presentSession } from './sessions.ts'

const MAX_EXPORTED_ROWS = 1_000
const KEPT = ['pending', 'ready', 'quarantined'] as const

/** GET /user/export → 200 {user, sessions, audit, decisions, files, subscriptions, orders}: a copy of all that is kept about the caller. @see PIPL art. 45 */
export function exportData({
  database,
  requireUser,
}: {
  readonly database: Database
  readonly requireUser: RequireUser
}) {
  return route({
    method: 'GET',
    path: '/user/export',
    async handle({ request, signal }) {
      const { user } = await requireUser(request, signal)
      const sql = await database.sql()
      const sessions = await listSessions(sql, user.id, MAX_EXPORTED_ROWS, signal)
      const audit = await listAudit(sql, user.id, MAX_EXPORTED_ROWS, signal)
      const decisions = await listDecisionsAbout(sql, user.id, MAX_EXPORTED_ROWS, signal)
      const files = await allFiles(sql, user.id, signal)
      const orders = await allOrders(sql, user.id, signal)
      const subscriptions = await listSubscriptions(sql, user.id, signal)
      return {
        headers: { 'content-disposition': 'attachment; filename="xiaohan-export.json"' },
        data: {
          user: { ...presentUser(user), updatedAt: user.updated_at.toISOString() },
          sessions: sessions.map((row) => ({
            ...presentSession(row),
            endedAt: row.revoked_at?.toISOString() ?? null,
          })),
          // The address in a row is the actor's: an admin's is not the caller's to see.
          audit: audit.map((row) => ({
            at: row.at.toISOString(),
            action: row.action,
            ip: row.actor_id === user.id ? row.ip : null,
          })),
          // Kept for a week, to try rules on; which rule it was is not the caller's to see.
          decisions: decisions.map((row) => ({
            at: row.at.toISOString(),
            route: row.route,
            action: row.action,
            facts: JSON.parse(row.facts),
          })),
          files: files.map(presentFile),
          subscriptions: subscriptions.map(({ template_id: templateId, status, at }) => ({
            templateId,
            status,
            at: at.toISOString(),
          })),
          orders,
        },
      }
    },
  })
}

function allFiles(sql: Queries, userId: string, signal: AbortSignal): Promise<readonly FileRow[]> {
  return allRows((page) => listFiles(sql, { statuses: KEPT, userId, ...page }, signal))
}

async function allOrders(sql: Queries, userId: string, signal: AbortSignal) {
  const refunds = new Map<string, ReturnType<typeof presentRefund>[]>()
  const orders = await allRows<OrderRow>(async (page) => {
    const rows = await listOrdersOf(sql, { userId, ...page }, signal)
    const ids = rows.map(({ id }) => id)
    for (const refund of await listRefundsOfAll(sql, ids, signal))
      refunds.set(refund.order_id, [...(refunds.get(refund.order_id) ?? []), presentRefund(refund)])
    return rows
  })
  return orders.map((order) => ({ ...presentOrder(order), refunds: refunds.get(order.id) ?? [] }))
}

/** All of them, page by page: there may be more than a page. */
async function allRows<Row extends { readonly id: string }>(
  list: (page: { readonly limit: number; readonly beforeId: string | undefined }) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const all: Row[] = []
  for (;;) {
    const rows = await list({ limit: MAX_EXPORTED_ROWS, beforeId: all.at(-1)?.id })
    all.push(...rows)
    if (rows.length < MAX_EXPORTED_ROWS) return all
  }
}
