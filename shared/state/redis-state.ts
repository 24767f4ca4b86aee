import { type Clock, systemClock } from '#shared/clock.ts'
import { checkedTtlMs, limitUnits } from './limit-units.ts'
import { parseRedisUrl } from './redis-address.ts'
import { redisConnection } from './redis-connection.ts'
import { consumeInSlots } from './redis-consume.ts'
import { DELETE_IF_VALUE, runScript } from './redis-scripts.ts'
import { OPERATION_MS, type StateStore } from './store.ts'

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
 * A state store in Redis. On a cluster `getMany` may span nodes, one round trip each, side by side; `consume` takes one
 * round trip for each hash tag of its limits, one after the other, because a node answers for its own keys alone.
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
  const slotOf = isCluster ? hashTag : () => ''

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
            : runScript(client, DELETE_IF_VALUE, [named(key)], [ifValue]),
        signal,
      )
      return count === 1
    },

    async consume({ limits, alsoGet = [] }, signal) {
      const units = limitUnits(limits).map((unit) => ({ ...unit, key: named(unit.key) }))
      const reads = alsoGet.map(named)
      return connection.use((client) => consumeInSlots(client, units, reads, slotOf), signal)
    },

    async close() {
      connection.close()
    },
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
