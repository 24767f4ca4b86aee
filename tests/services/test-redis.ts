import { startRedis, type RedisServer } from '#scripts/services/redis.ts'
import { required } from './servers.ts'

/** An empty Redis of the caller's own; it takes 15 ms to start. For suites under `describeWith(['redis'], …)`. */
export async function testRedis(): Promise<RedisServer> {
  return required(await startRedis())
}
