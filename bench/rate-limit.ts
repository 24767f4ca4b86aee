import { Redis } from 'ioredis'
import { startRedis } from '#scripts/services/redis.ts'
import { systemClock } from '#shared/clock.ts'
import { uuidv7 } from '#shared/ids.ts'
import type { Policy } from '#shared/limit-policy.ts'
import { createLimiter } from '#shared/rate-limit/limiter.ts'
import { openState } from '#shared/state/open-state.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { BENCH_QUOTA, BENCH_WINDOW_S, type PeerLimiter, peerLimiters } from './rate-limit-peers.ts'
import { median, type Row } from './table.ts'

const ROUNDS = 5
const ROUND_MS = 600
const IN_FLIGHT = 64
const SUBJECTS = 1_000
const MAX_BYTES = 200
const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const

/**
 * Limits checked a second and the memory of a key, on one Redis: ours, and other libraries' over the same server in the same
 * rounds. One process, one connection each.
 */
export async function benchRateLimit(): Promise<readonly Row[]> {
  const server = await startRedis()
  if (server === undefined) return []
  const redis = new Redis(server.url)
  const state = openState({ redisUrl: server.url })
  try {
    const limiters = { ...ourLimiters(state), ...peerLimiters(redis) }
    const bytes = await bytesOf(limiters, redis)
    const rates = await ratesOf(limiters)
    return Object.keys(limiters).flatMap((name) => rows(name, rates[name] ?? [], bytes[name] ?? Number.NaN))
  } finally {
    redis.disconnect()
    await state.close()
    await server.stop()
  }
}

function ourLimiters(state: ReturnType<typeof openState>): Readonly<Record<string, PeerLimiter>> {
  const limiter = createLimiter({ state, clock: systemClock, logger: createLogger({ level: 'error' }) })
  const { signal } = new AbortController()
  const take = (policy: Policy) => async (user: string) => {
    const { allowed, degraded } = await limiter.check(
      { checks: [{ name: policy.algorithm, policy, subject: { user } }] },
      signal,
    )
    if (degraded.length > 0) throw new Error('The store was late: the figure would be of something else')
    return allowed
  }
  return Object.fromEntries(
    ALGORITHMS.map((algorithm) => [
      `xiaohan ${algorithm}`,
      take({ algorithm, quota: BENCH_QUOTA, windowS: BENCH_WINDOW_S, by: ['user'], onStoreError: 'local' }),
    ]),
  )
}

const subjects = Array.from({ length: SUBJECTS }, () => uuidv7(systemClock()))

/** Bytes a subject, everything that Redis keeps for it together. */
async function bytesOf(limiters: Readonly<Record<string, PeerLimiter>>, redis: Redis) {
  const bytes: Record<string, number> = {}
  for (const [name, limiter] of Object.entries(limiters)) {
    await redis.flushall()
    for (const subject of subjects.slice(0, 100)) await limiter(subject)
    const keys = await redis.keys('*')
    const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)))
    bytes[name] = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) / 100
  }
  return bytes
}

/** Checks a second, round by round, all limiters in each round so that none has the quieter machine. */
async function ratesOf(limiters: Readonly<Record<string, PeerLimiter>>) {
  const rates: Record<string, number[]> = {}
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, limiter] of Object.entries(limiters)) {
      const rate = await rateOf(limiter)
      if (round > 0) (rates[name] ??= []).push(rate) // the first one warms up
    }
  }
  return rates
}

async function rateOf(limiter: PeerLimiter): Promise<number> {
  const startedAt = performance.now()
  let done = 0
  const line = async () => {
    for (; performance.now() - startedAt < ROUND_MS; done += 1) {
      if (!(await limiter(subjects[done % SUBJECTS] ?? '')))
        throw new Error('A limit of the bench was exceeded')
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, line))
  return (done / (performance.now() - startedAt)) * 1_000
}

function rows(name: string, rates: readonly number[], bytes: number): Row[] {
  const isOurs = name.startsWith('xiaohan')
  return [
    {
      what: `rate limit, ${name}`,
      median: median(rates),
      unit: '/s',
      how: `median of ${ROUNDS} rounds of ${ROUND_MS} ms, one connection, ${IN_FLIGHT} in flight`,
    },
    {
      what: `Redis memory a key, ${name}`,
      median: bytes,
      unit: 'B',
      ...(isOurs ? { target: `≤ ${MAX_BYTES} B`, met: bytes <= MAX_BYTES } : {}),
      how: 'MEMORY USAGE, key included, mean of 100',
    },
  ]
}
