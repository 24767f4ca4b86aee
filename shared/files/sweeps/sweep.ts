import type { FileParts } from '#shared/files/file-parts.ts'
import type { Safety } from '#shared/files/safety.ts'
import type { StateStore } from '#shared/state/store.ts'

/** What a sweep needs besides. */
export interface SweepParts extends FileParts {
  readonly safety: Safety
  /** Remembers how far a long walk has come; without that memory it begins anew. */
  readonly state: StateStore
}

/** One thing to tidy up: how many it dealt with. May be run twice at once, and ended at any moment. */
export type Sweep = (parts: SweepParts, signal: AbortSignal) => Promise<number>

/** What one run takes on of each kind; the next run comes within minutes. */
export const BATCH = 200

export const HOUR_MS = 3_600_000

/** Does the work for each item; one that fails keeps no other from its turn. How many it did. @throws AggregateError at the end */
export async function forEach<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
  signal: AbortSignal,
): Promise<number> {
  const failures: unknown[] = []
  for (const item of items) {
    signal.throwIfAborted()
    await work(item).catch((error: unknown) => void failures.push(error))
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of ${items.length} failed`)
  return items.length
}

export function ago(clock: SweepParts['clock'], ms: number): Date {
  return new Date(clock() - ms)
}
