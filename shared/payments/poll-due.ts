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

/** Polls what is due until nothing is left, several at once. How many it asked about. */
export async function pollDue<Row extends { readonly id: string }>(
  { due, poll, postpone }: Polling<Row>,
  signal: AbortSignal,
): Promise<number> {
  const asked = new Set<string>()
  for (;;) {
    const found = await due(BATCH)
    const rows = found.filter(({ id }) => !asked.has(id))
    for (const { id } of rows) asked.add(id)
    const waiting = [...rows]
    await Promise.all(Array.from({ length: AT_ONCE }, () => lane(waiting)))
    // One that is still due would be asked about for ever.
    if (rows.length < BATCH) return asked.size
  }

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
