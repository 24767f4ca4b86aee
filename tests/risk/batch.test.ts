import { describe, expect, test } from '@jest/globals'
import { createBatch } from '#shared/risk/batch.ts'

function startBatch({ urgentMs, maxItems = 100 }: { readonly urgentMs: number; readonly maxItems?: number }) {
  let nowMs = 0
  const written: (readonly number[])[] = []
  const failures: unknown[] = []
  const work: Promise<unknown>[] = []
  const doors: (() => void)[] = []
  const batch = createBatch<number>({
    clock: () => nowMs,
    urgentMs,
    maxItems,
    write: async (items) => {
      written.push(items)
      if (items.includes(13)) throw new Error('unlucky')
      await new Promise<void>((resolve) => doors.push(resolve))
    },
    onError: (error) => failures.push(error),
  })
  const turn = () => new Promise<false>((resolve) => void setImmediate(() => resolve(false)))
  const tend = () => batch.tend((promise) => void work.push(promise))
  const add = (item: number, isUrgent = true) => {
    batch.add(item, { isUrgent })
    tend()
  }
  /** Lets every write end, also those that begin then. */
  const settle = async () => {
    for (const promise of work.splice(0)) {
      const ended = promise.then(() => true)
      while (!(await Promise.race([ended, turn()]))) doors.shift()?.()
    }
  }
  return { written, failures, add, tend, settle, pass: (ms: number) => (nowMs += ms) }
}

describe('a batch', () => {
  test('writes what is urgent at once, then at most once a second, and leaves nothing lying', async () => {
    const { add, tend, settle, pass, written } = startBatch({ urgentMs: 1_000 })

    add(1)
    await settle()
    add(2)
    add(3)
    await settle()
    const within = [...written]
    pass(1_000)
    tend()
    await settle()

    expect(within).toEqual([[1]])
    expect(written).toEqual([[1], [2, 3]])
  })

  test('lets what is not urgent wait for ten seconds', async () => {
    const { add, tend, settle, pass, written } = startBatch({ urgentMs: 1_000 })

    add(1, false)
    pass(8_999)
    tend()
    await settle()
    const early = [...written]
    pass(1)
    tend()
    await settle()

    expect([early, written]).toEqual([[], [[1]]])
  })

  test('without a pause writes one after the other, each with all that came in between', async () => {
    const { add, settle, written } = startBatch({ urgentMs: 0 })

    for (const item of [1, 2, 3, 4]) {
      add(item)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await settle()

    expect(written).toEqual([[1], [2, 3, 4]])
  })

  test('drops what it has no room for, and what cannot be written', async () => {
    const { add, tend, settle, pass, written, failures } = startBatch({ urgentMs: 1_000, maxItems: 2 })

    add(13)
    await settle()
    for (const item of [1, 2, 3]) add(item)
    pass(1_000)
    tend()
    await settle()

    expect(written).toEqual([[13], [1, 2]])
    expect(failures).toHaveLength(1)
  })
})
