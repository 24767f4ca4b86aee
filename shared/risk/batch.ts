import type { Clock } from '#shared/clock.ts'

/** Things to be written together, in the background and not more often than need be. */
export interface Batch<T> {
  /** Drops the item where the batch is full. */
  add(item: T, options: { readonly isUrgent: boolean }): void
  /** Begins to write what is due. Call it after adding, and on every occasion: there is no timer. */
  tend(waitUntil: (work: Promise<unknown>) => void): void
  /** Writes what there is. Never rejects. */
  flush(): Promise<void>
}

export interface BatchOptions<T> {
  readonly clock: Clock
  readonly maxItems: number
  /** At least this long between two writes for urgent items; 0 writes whatever has come up while one was under way. */
  readonly urgentMs: number
  readonly write: (items: readonly T[]) => Promise<void>
  readonly onError: (error: unknown) => void
}

/** A platform that freezes its instances keeps the answer back until such work is done, so it has to be rare. */
const IDLE_MS = 10_000

export function createBatch<T>({ clock, maxItems, urgentMs, write, onError }: BatchOptions<T>): Batch<T> {
  let items: T[] = []
  let isUrgentWaiting = false
  let writtenAtMs = clock() - urgentMs
  let waiting = 0
  let last = Promise.resolve()

  function flush(): Promise<void> {
    waiting += 1
    last = last.then(writeAll).finally(() => {
      waiting -= 1
    })
    return last
  }

  async function writeAll(): Promise<void> {
    if (items.length === 0) return
    const batch = items
    items = []
    isUrgentWaiting = false
    writtenAtMs = clock()
    await write(batch).catch(onError)
  }

  return {
    add(item, { isUrgent }) {
      if (items.length < maxItems) items.push(item)
      isUrgentWaiting ||= isUrgent
    },
    tend(waitUntil) {
      const isDue = items.length > 0 && clock() - writtenAtMs >= (isUrgentWaiting ? urgentMs : IDLE_MS)
      // One that is under way, and one behind it that takes all that came since: nobody waits for more than two.
      if (isDue && waiting < (urgentMs === 0 ? 2 : 1)) waitUntil(flush())
    },
    flush,
  }
}
