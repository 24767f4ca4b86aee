import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { deleteInBatches } from '#shared/db/delete-in-batches.ts'
import { listInboxBefore } from '#shared/db/tables/inbox.ts'

/** Nobody sends the same for longer than a day or two; what is kept names people. */
const KEPT_MS = 7 * 86_400_000

/** Forgets what came in more than a week ago; how many messages that were. */
export async function sweepInbox(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  signal: AbortSignal,
): Promise<number> {
  const sql = await database.sql()
  const before = new Date(clock() - KEPT_MS)
  return deleteInBatches(sql, 'inbox', (limit) => listInboxBefore(sql, { before, limit }, signal), signal)
}
