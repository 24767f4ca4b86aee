import type { Clock } from '#shared/clock.ts'

/** Things to be written together, in the background and not often. */
export interface Batch<T> {
  /** Drops the item where the batch is full. An urgent one is written within a second, if calls go on. */
  add(
    item: T,
    options: { readonly isUrgent: boolean; readonly waitUntil: (work: Promise<unknown>) => void },
  ): void
  /** Writes what there is. Never rejects. */
  flush(): Promise<void>
}

export interface BatchOptions<T> {
  readonly clock: Clock
  readonly maxItems: number
  readonly write: (items: readonly T[]) => Promise<void>
  readonly onError: (error: unknown) => void
}

const URGENT_MS = 1_000
/** A platform that freezes its instances keeps the answer back until such work is done, so it has to be rare. */
const IDLE_MS = 10_000

export function createBatch<T>({ clock, maxItems, write, onError }: BatchOptions<T>): Batch<T> {
  let items: T[] = []
  let writtenAtMs = clock() - URGENT_MS
  let writing: Promise<void> | undefined

  async function flush(): Promise<void> {
    await writing
    if (items.length === 0) return
    const batch = items
    items = []
    writtenAtMs = clock()
    writing = write(batch).catch(onError)
    await writing
    writing = undefined
  }

  return {
    add(item, { isUrgent, waitUntil }) {
      if (items.length < maxItems) items.push(item)
      const isDue = clock() - writtenAtMs >= (isUrgent ? URGENT_MS : IDLE_MS)
      if (isDue && writing === undefined) waitUntil(flush())
    },
    flush,
  }
}
