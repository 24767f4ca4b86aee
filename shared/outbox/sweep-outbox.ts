import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { deleteInBatches } from '#shared/db/delete-in-batches.ts'
import { listDoneBefore } from '#shared/db/tables/outbox.ts'

/** What arrived is of use to nobody but for looking back a little. Dead messages stay until an admin sends them again. */
const KEPT_MS = 30 * 86_400_000

/** Forgets messages that arrived and are older than thirty days; how many that were. */
export async function sweepOutbox(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  signal: AbortSignal,
): Promise<number> {
  const sql = await database.sql()
  const before = new Date(clock() - KEPT_MS)
  return deleteInBatches(sql, 'outbox', (limit) => listDoneBefore(sql, { before, limit }, signal), signal)
}
