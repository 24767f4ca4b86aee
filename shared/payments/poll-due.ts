/** What is to be asked about, and how. */
export interface Polling<Row> {
  /** The next that are due. */
  readonly due: (limit: number) => Promise<readonly Row[]>
  /** Asks, keeps the answer, and sees to it that the row is not due any more. */
  readonly poll: (row: Row) => Promise<void>
  /** After a failure: sees to it that the row is due later. */
  readonly postpone: (row: Row, cause: unknown) => Promise<void>
}

const BATCH = 48
const AT_ONCE = 8
/** More than a timer's call can ask about; a mistake in `postpone` must not go round for ever. */
const MAX_BATCHES = 200

/** Polls what is due until nothing is left, several at once. How many it asked about. */
export async function pollDue<Row>(
  { due, poll, postpone }: Polling<Row>,
  signal: AbortSignal,
): Promise<number> {
  let count = 0
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const rows = await due(BATCH)
    count += rows.length
    const waiting = [...rows]
    await Promise.all(Array.from({ length: AT_ONCE }, () => lane(waiting)))
    if (rows.length < BATCH) break
  }
  return count

  async function lane(waiting: Row[]): Promise<void> {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      signal.throwIfAborted()
      await ask(row)
    }
  }

  async function ask(row: Row): Promise<void> {
    try {
      await poll(row)
    } catch (cause) {
      signal.throwIfAborted()
      await postpone(row, cause)
    }
  }
}
