import { redisState } from '#shared/state/redis-state.ts'
import { startRedisCluster } from '#scripts/services/redis-cluster.ts'
import { stateStoreSuite } from '#tests/contracts/state-store.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required } from '#tests/services/servers.ts'

/** What a store does is tested on machines that are busy with other things. */
const PATIENT_MS = 10_000

describeWith(['redis'], 'the state store on a Redis cluster', () => {
  stateStoreSuite(async () => {
    const cluster = required(await startRedisCluster({ nodes: 3 }))
    return { store: redisState({ url: cluster.url, operationMs: PATIENT_MS }), close: () => cluster.stop() }
  })
})
