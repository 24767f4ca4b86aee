import { type Clock, systemClock } from '#shared/clock.ts'
import { checkedTtlMs, limitUnits } from './limit-units.ts'
import { parseRedisUrl } from './redis-address.ts'
import { type Client, redisConnection } from './redis-connection.ts'
import { CONSUME, DELETE_IF_VALUE, type Script } from './redis-scripts.ts'
import { type Consumption, OPERATION_MS, type StateStore } from './store.ts'

export interface RedisStateOptions {
  /** As `parseRedisUrl` reads it. */
  readonly url: string
  /** Before every key; `xh:` unless given. */
  readonly keyPrefix?: string
  readonly clock?: Clock
  /** For one operation; 190 ms unless given. */
  readonly operationMs?: number
}

/**
 * A state store in Redis. On a cluster `getMany` may span nodes, one round trip each, side by side; the keys of one
 * `consume` must share a hash tag, because a node answers for its own keys alone.
 *
 * @throws TypeError when the URL cannot be read.
 */
export function redisState({
  url,
  keyPrefix = 'xh:',
  clock = systemClock,
  operationMs = OPERATION_MS,
}: RedisStateOptions): StateStore {
  const address = parseRedisUrl(url)
  const { isCluster } = address
  const connection = redisConnection({ address, clock, operationMs })
  const named = (key: string) => keyPrefix + key

  return {
    async get(key, signal) {
      return (await connection.use((client) => client.get(named(key)), signal)) ?? undefined
    },

    async getMany(keys, signal) {
      if (keys.length === 0) return []
      const groups = isCluster ? groupByTag(keys) : [keys]
      const values = await connection.use(
        (client) => Promise.all(groups.map((group) => client.mget(group.map(named)))),
        signal,
      )
      const found = new Map(
        groups.flatMap((group, at) => group.map((key, place) => [key, values[at]?.[place]])),
      )
      return keys.map((key) => found.get(key) ?? undefined)
    },

    async set(key, value, { ttlMs, ifAbsent = false }, signal) {
      const ms = checkedTtlMs(ttlMs)
      const answer = await connection.use(
        (client) =>
          ifAbsent ? client.set(named(key), value, 'PX', ms, 'NX') : client.set(named(key), value, 'PX', ms),
        signal,
      )
      return answer === 'OK'
    },

    async delete(key, { ifValue }, signal) {
      const count = await connection.use(
        (client) =>
          ifValue === undefined
            ? client.del(named(key))
            : run(client, DELETE_IF_VALUE, [named(key)], [ifValue]),
        signal,
      )
      return count === 1
    },

    async consume(limits, signal) {
      const units = limitUnits(limits)
      if (isCluster && new Set(limits.map(({ key }) => hashTag(key))).size > 1) {
        throw new RangeError(
          'Cannot consume: on a cluster the keys must share one hash tag, as {u:42}:a and {u:42}:b',
        )
      }
      const keys = limits.map(({ key }) => named(key))
      const values = units.flatMap(({ intervalUs, burst, cost }) => [intervalUs, burst, cost])
      const answer = await connection.use((client) => run(client, CONSUME, keys, values), signal)
      return limits.map((_, at) => consumption(answer, at * 4))
    },

    async close() {
      connection.close()
    },
  }
}

function consumption(answer: unknown, at: number): Consumption {
  const [allowed, remaining, retryAfterMs, resetMs] = (answer as number[]).slice(at, at + 4) // As the script returns.
  return {
    allowed: allowed === 1,
    remaining: remaining ?? 0,
    retryAfterMs: retryAfterMs ?? 0,
    resetMs: resetMs ?? 0,
  }
}

/** The part of a key that decides its slot. @see Redis Cluster specification, "Hash tags" */
function hashTag(key: string): string {
  const start = key.indexOf('{')
  const end = key.indexOf('}', start + 1)
  return start >= 0 && end > start + 1 ? key.slice(start + 1, end) : key
}

function groupByTag(keys: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>()
  for (const key of keys) {
    const tag = hashTag(key)
    groups.set(tag, [...(groups.get(tag) ?? []), key])
  }
  return [...groups.values()]
}

/** Runs a script by its digest and, on a server that has not seen it, which then did nothing, by its text. */
async function run(
  client: Client,
  { text, digest }: Script,
  keys: readonly string[],
  values: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.evalsha(digest, keys.length, ...keys, ...values)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return client.eval(text, keys.length, ...keys, ...values)
  }
}
