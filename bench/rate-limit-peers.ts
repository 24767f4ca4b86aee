import { createHash } from 'node:crypto'
import { Ratelimit } from '@upstash/ratelimit'
import type { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'

/** Takes one unit for a subject: whether it was there. */
export type PeerLimiter = (subject: string) => Promise<boolean>

/** More than any bench takes, so that each call does the whole work of an allowed one. */
export const BENCH_QUOTA = 1_000_000
/** Long enough that what one call leaves in a bucket outlives the look at its memory. */
export const BENCH_WINDOW_S = 604_800

/** Other libraries' limiters over one connection: `flexible`, and Upstash's three algorithms, of which `upstash` slides. */
export function peerLimiters(redis: Redis): Readonly<Record<string, PeerLimiter>> {
  const flexible = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: 'flexible',
    points: BENCH_QUOTA,
    duration: BENCH_WINDOW_S,
  })
  return {
    flexible: (subject) =>
      flexible.consume(subject).then(
        () => true,
        (refusal: unknown) => {
          if (refusal instanceof Error) throw refusal
          return false
        },
      ),
    upstash: upstash(redis, 'sliding', Ratelimit.slidingWindow(BENCH_QUOTA, `${BENCH_WINDOW_S} s`)),
    'upstash-fixed': upstash(redis, 'fixed', Ratelimit.fixedWindow(BENCH_QUOTA, `${BENCH_WINDOW_S} s`)),
    'upstash-bucket': upstash(
      redis,
      'bucket',
      Ratelimit.tokenBucket(BENCH_QUOTA, `${BENCH_WINDOW_S} s`, BENCH_QUOTA),
    ),
  }
}

type UpstashRedis = ConstructorParameters<typeof Ratelimit>[0]['redis']

function upstash(
  redis: Redis,
  prefix: string,
  limiter: ReturnType<typeof Ratelimit.slidingWindow>,
): PeerLimiter {
  const digests = new Map<string, string>()
  const run = (digest: string, keys: string[], args: string[]) =>
    redis.evalsha(digest, keys.length, ...keys, ...args.map(String))
  const adapter = {
    async evalsha(digest: string, keys: string[], args: string[]) {
      const known = digests.get(digest)
      if (known === undefined) throw new Error('NOSCRIPT')
      return run(known, keys, args)
    },
    async eval(text: string, keys: string[], args: string[]) {
      // The first line has a flag of Upstash's own server, which Redis refuses.
      const digest = String(await redis.script('LOAD', text.replace(/^#!.*\n/, '')))
      digests.set(createHash('sha1').update(text).digest('hex'), digest)
      return run(digest, keys, args)
    },
  } as unknown as UpstashRedis // its algorithms call nothing else
  const ratelimit = new Ratelimit({
    redis: adapter,
    limiter,
    prefix,
    ephemeralCache: false,
    analytics: false,
  })
  return async (subject) => (await ratelimit.limit(subject)).success
}
