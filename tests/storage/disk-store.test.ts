import { afterAll, beforeAll, describe } from '@jest/globals'
import { objectStoreSuite } from '#tests/contracts/object-store.ts'
import { type StartedDisk, startDisk } from './start-disk.ts'

let started: StartedDisk
beforeAll(async () => {
  started = await startDisk()
})
afterAll(() => started.stop())

describe('a folder', () => {
  objectStoreSuite(() => started.storage)
})
