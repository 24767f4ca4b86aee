import { afterAll, beforeAll, describe } from '@jest/globals'
import { objectStoreSuite } from '#tests/contracts/object-store.ts'
import { FLAVOURS, type StartedStore, startStore } from './start-store.ts'

let started: StartedStore
beforeAll(async () => {
  started = await startStore()
})
afterAll(() => started.stop())

describe.each(FLAVOURS)('a bucket over $scheme, addressed by $style', (flavour) => {
  objectStoreSuite(() => started.open(flavour))
})
