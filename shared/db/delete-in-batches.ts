import type { Queries } from './database.ts'

/** At a time; one statement for all could take longer than a statement may. */
const BATCH = 1_000

/** Deletes every row whose id `idsOf` names, batch after batch; how many that were. */
export async function deleteInBatches(
  sql: Queries,
  table: 'inbox' | 'outbox',
  idsOf: (limit: number) => Promise<readonly { readonly id: string }[]>,
  signal: AbortSignal,
): Promise<number> {
  let sum = 0
  let count: number = BATCH
  while (count === BATCH) {
    const ids = (await idsOf(BATCH)).map(({ id }) => id)
    count = ids.length
    sum += count
    if (count > 0) await sql.deleteFrom(table).where('id', 'in', ids).execute({ signal })
  }
  return sum
}
