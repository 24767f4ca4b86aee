import { describe, expect, test } from '@jest/globals'
import { batchReads } from '#shared/state/batch-reads.ts'

/** A store whose statements the test answers one by one. */
function manualStore() {
  const sent: { keys: readonly string[]; answer: (value: string) => void; fail: (error: Error) => void }[] =
    []
  const read = batchReads<string>(
    (keys) =>
      new Promise((resolve, reject) => {
        sent.push({
          keys,
          answer: (value) => resolve(new Map(keys.map((key) => [key, value]))),
          fail: reject,
        })
      }),
  )
  return { sent, read }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('batchReads', () => {
  test('a read on an idle store goes out at once', async () => {
    const { sent, read } = manualStore()

    const found = read(['a'])
    await turn()
    sent[0]?.answer('1')

    expect(await found).toEqual(new Map([['a', '1']]))
  })

  test('reads that come while one is under way go together, and never in the one before them', async () => {
    const { sent, read } = manualStore()
    const first = read(['a'])
    await turn()

    const later = [read(['a']), read(['b']), read(['b', 'c'])]
    await turn()
    const whileBusy = sent.length
    sent[0]?.answer('old')
    await first
    await turn()
    sent[1]?.answer('new')
    const results = await Promise.all(later)

    expect(whileBusy).toBe(1)
    expect(sent.map(({ keys }) => keys)).toEqual([['a'], ['a', 'b', 'c']])
    expect(results[0]?.get('a')).toBe('new')
  })

  test('those who waited fail with the one before them, and the next read tries again', async () => {
    const { sent, read } = manualStore()
    const first = read(['a']).catch((error: Error) => error.message)
    await turn()
    const waiting = read(['b']).catch((error: Error) => error.message)
    sent[0]?.fail(new Error('down'))
    const failures = await Promise.all([first, waiting])

    const again = read(['c'])
    await turn()
    sent[1]?.answer('1')

    expect(failures).toEqual(['down', 'down'])
    expect(sent[1]?.keys).toEqual(['c'])
    expect((await again).get('c')).toBe('1')
  })
})
