import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { deleteInboxBefore } from '#shared/db/tables/inbox.ts'

/** Nobody sends the same for longer than a day or two; what is kept names people. */
const KEPT_MS = 7 * 86_400_000
/** At a time; one statement for all could take longer than a statement may. */
const BATCH = 1_000

/** Forgets what came in more than a week ago; how many messages that were. */
export async function sweepInbox(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  signal: AbortSignal,
): Promise<number> {
  const sql = await database.sql()
  const before = new Date(clock() - KEPT_MS)
  let sum = 0
  for (let count = BATCH; count === BATCH; sum += count)
    count = await deleteInboxBefore(sql, { before, limit: BATCH }, signal)
  return sum
}
