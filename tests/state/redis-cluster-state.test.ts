import { expect, test } from '@jest/globals'
import { redisState } from '#shared/state/redis-state.ts'
import { startRedisCluster } from '#scripts/services/redis-cluster.ts'
import { stateStoreSuite } from '#tests/contracts/state-store.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required } from '#tests/services/servers.ts'

/** What a store does is tested on machines that are busy with other things. */
const PATIENT_MS = 10_000
const never = new AbortController().signal

describeWith(['redis'], 'the state store on a Redis cluster', () => {
  stateStoreSuite(async () => {
    const cluster = required(await startRedisCluster({ nodes: 3 }))
    return { store: redisState({ url: cluster.url, operationMs: PATIENT_MS }), close: () => cluster.stop() }
  })

  test('limits whose keys share no hash tag are refused as our own mistake', async () => {
    const store = redisState({ url: 'redis+cluster://127.0.0.1:1' })
    const limits = ['{u:1}:a', '{u:2}:a'].map((key) => ({ key, burst: 1, intervalMs: 1 }))

    await expect(store.consume(limits, never)).rejects.toThrow('must share one hash tag')

    await store.close()
  })
})
