import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { deleteDoneMessages } from '#shared/db/tables/outbox.ts'

/** What arrived is of use to nobody but for looking back a little. Dead messages stay until an admin sends them again. */
const KEPT_MS = 30 * 86_400_000
const BATCH = 1_000

/** Forgets messages that arrived and are older than thirty days; how many that were. */
export async function sweepOutbox(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  signal: AbortSignal,
): Promise<number> {
  const sql = await database.sql()
  const before = new Date(clock() - KEPT_MS)
  let sum = 0
  for (let count = BATCH; count === BATCH; sum += count)
    count = await deleteDoneMessages(sql, { before, limit: BATCH }, signal)
  return sum
}
