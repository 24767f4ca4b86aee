import { expect, test } from '@jest/globals'
import { createPool } from '#scripts/emulator/pool.ts'

const bundle = { name: 'sample', version: '1', file: 'sample.mjs', bytes: 1, modules: [] }

test('a call that comes after the end starts no instance', async () => {
  let starts = 0
  const pool = createPool({
    concurrency: 1,
    maxInstances: 1,
    idleMs: 1_000,
    clock: () => 0,
    start: () => ((starts += 1), Promise.reject(new Error('Cannot start'))),
    stop: async () => {},
  })
  await pool.close()

  const lease = await pool.acquire(bundle)

  expect([lease, starts]).toEqual([undefined, 0])
})
