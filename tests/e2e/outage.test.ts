import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { migrate } from '#scripts/migrate.ts'
import { type PostgresServer, startPostgres } from '#scripts/services/postgres.ts'
import { type RedisCluster, startRedisCluster } from '#scripts/services/redis-cluster.ts'
import { type RedisServer, startRedis } from '#scripts/services/redis.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { until } from '#tests/runtime/until.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required, temporaryFolder } from '#tests/services/servers.ts'
import { type TcpProxy, tcpProxy } from '#tests/services/tcp-proxy.ts'
import { type Client, createClient } from './client.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'
import { type Load, type Observation, outcomes, slowestMs, startLoad, usuallyMs } from './load.ts'

const RECOVERY_MS = 15_000
const ENOUGH = 60
/** Lifts the limits that the load would meet: it comes from one address. */
const FACTOR = 100
/** Units of the built-in policy `user-export`, which counts in the instance while the store is down … */
const LOCAL_UNITS = 10 * FACTOR
/** … and of `phone-day`, which refuses then. Neither refills half of them while a test runs. */
const STRICT_UNITS = 20 * FACTOR

const dataDir = join(temporaryFolder(), 'postgres')
let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres({ dataDir })
  await migrate({ url: new URL(postgres.url) })
}, 60_000)
afterAll(() => postgres?.stop())

interface Asked {
  readonly status: number
  readonly allowed: boolean | undefined
}

type Ask = (policy: string, user: string, cost: number) => Promise<Asked>

/** Asks POST /rate-check as the partner of a local cloud does. */
function rateCheck({ folder }: DevCommand, client: Client): Ask {
  const { PARTNER_KEYS = '' } = parseEnv(readFileSync(join(folder, 'secrets.env'), 'utf8'))
  const [partner] = parsePartnerKeys(PARTNER_KEYS).all
  if (partner === undefined) throw new Error('The local cloud has no partner')
  const signer = { kid: partner.kid, key: partner.key }

  return async (policy, user, cost) => {
    const checks = [{ policy, key: { user }, cost }]
    const { status, body } = await client.call('/rate-check', { signer, body: { checks } })
    return { status, allowed: body.data?.allowed }
  }
}

function processes(cloud: DevCommand): readonly number[] {
  return ['login', 'user', 'rate-check'].flatMap((name) => cloud.instances(name).map(({ pid }) => pid))
}

/** Resolves when each kind of call has been answered so often in a way that `matches`. */
function allKinds({ seen }: Load, matches: (one: Observation) => boolean, times: number): Promise<void> {
  return until(() =>
    (['login', 'user', 'refresh'] as const).every(
      (kind) => seen.filter((one) => one.kind === kind && matches(one)).length >= times,
    ),
  )
}

/** Resolves when the latest calls that were sent after `from` all succeeded. */
function recovered({ seen }: Load, from: number): Promise<void> {
  return until(() => {
    const since = seen.filter(({ sentAt }) => sentAt > from).slice(-ENOUGH)
    return since.length === ENOUGH && since.every(({ status }) => status === 200)
  }, RECOVERY_MS)
}

/** Before the outage and from its beginning on. */
function split({ seen }: Load, from: number): readonly [readonly Observation[], readonly Observation[]] {
  return [seen.filter(({ sentAt }) => sentAt < from), seen.filter(({ sentAt }) => sentAt >= from)]
}

/** Logins are refused while nobody can count them; all else goes on, and nothing takes half a second longer. */
function expectStatedPolicies(load: Load, from: number): void {
  const [before, since] = split(load, from)
  const refused = load.seen.filter(({ status }) => status !== 200)
  expect(Object.keys(outcomes(refused))).toEqual(['login 503 unavailable'])
  expect(refused.filter(({ retryAfter }) => !/^[1-9]\d*$/.test(retryAfter ?? ''))).toEqual([])
  expect(usuallyMs(since)).toBeLessThan(usuallyMs(before) + 500)
  expect(slowestMs(since)).toBeLessThan(slowestMs(before) + 500)
}

describe('a limit of 100', () => {
  const CALLS = 1_000
  // So that `phone-day` has 100 units.
  const limited = { RATE_LIMIT_FACTOR: '5' }

  /** The answers to 1,000 calls about one user, so many of them at a time. */
  async function storm(ask: Ask, user: string, inFlight: number): Promise<readonly Asked[]> {
    const answers: Asked[] = []
    let left = CALLS
    const line = async () => {
      while (left-- > 0) answers.push(await ask('phone-day', user, 1))
    }
    await Promise.all(Array.from({ length: inFlight }, line))
    return answers
  }

  const allowedOf = (answers: readonly Asked[]) => answers.filter(({ allowed }) => allowed === true).length

  /** The policy refuses what the store does not answer in time, and such a call may have been counted. */
  function expectHundred(answers: readonly Asked[]): void {
    const unanswered = answers.filter(({ status }) => status === 503).length
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
    expect(allowedOf(answers)).toBeLessThanOrEqual(100)
    expect(allowedOf(answers) + unanswered).toBeGreaterThanOrEqual(100)
  }

  describeWith(['redis'], 'in Redis', () => {
    test('lets exactly 100 of 1,000 calls at once pass, whichever of several instances they meet', async () => {
      const cloud = await startDevCommand({ env: { ...limited, DATABASE_URL: postgres.url } })
      const ask = rateCheck(cloud, createClient(cloud.url))

      // Ten processes that start on two cores keep some calls waiting for longer than the store may take.
      const starting = await storm(ask, 'first', CALLS)
      const answers = await storm(ask, 'second', CALLS)
      const instances = cloud.instances('rate-check').length
      await cloud.end('SIGTERM')

      expectHundred(starting)
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      expect(allowedOf(answers)).toBe(100)
      expect(instances).toBeGreaterThan(1)
    }, 60_000)
  })

  test('in PostgreSQL lets exactly 100 of 1,000 calls pass, from the first one on', async () => {
    // Where no redis-server can be found the database serves.
    const env = { ...limited, DATABASE_URL: postgres.url, PATH: '/nonexistent' }
    const cloud = await startDevCommand({ env })

    const answers = await storm(rateCheck(cloud, createClient(cloud.url)), 'one', 150)
    const instances = cloud.instances('rate-check').length
    const banner = cloud.banner()
    await cloud.end('SIGTERM')

    expect(banner).toContain('in PostgreSQL')
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(allowedOf(answers)).toBe(100)
    expect(instances).toBeGreaterThan(1)
  }, 60_000)
})

describeWith(['redis'], 'behind a network that loses packets, Redis', () => {
  let redis: RedisServer
  let proxy: TcpProxy
  let cloud: DevCommand
  let client: Client
  beforeAll(async () => {
    redis = required(await startRedis())
    proxy = await tcpProxy(redis.port)
    const env = {
      RATE_LIMIT_FACTOR: String(FACTOR),
      DATABASE_URL: postgres.url,
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    }
    cloud = await startDevCommand({ env })
    client = createClient(cloud.url)
  }, 60_000)
  afterAll(async () => {
    await cloud?.end('SIGTERM')
    await proxy?.close()
    await redis?.stop()
  })

  test('is done without as each policy says, nothing takes long, and it counts again by itself', async () => {
    const ask = rateCheck(cloud, client)
    const load = await startLoad(client, 5)
    await allKinds(load, ({ status }) => status === 200, 20)
    const before = await ask('user-export', 'counted', LOCAL_UNITS)
    const pids = processes(cloud)

    proxy.swallow()
    const from = performance.now()
    await allKinds(load, ({ sentAt }) => sentAt > from, 20)
    const local: Asked[] = []
    while (local.length < 3) local.push(await ask('user-export', 'local', LOCAL_UNITS / 2))
    const strict = await ask('phone-day', 'local', 1)
    proxy.restore()
    await recovered(load, performance.now())
    await until(async () => (await ask('phone-day', 'local', 1)).status === 200, RECOVERY_MS)
    const after = await ask('user-export', 'counted', LOCAL_UNITS / 2)
    await load.stop()

    expectStatedPolicies(load, from)
    expect(processes(cloud)).toEqual(pids)
    expect(local.map(({ allowed }) => allowed)).toEqual([true, true, false])
    expect(strict.status).toBe(503)
    expect([before.allowed, after.allowed]).toEqual([true, false])
  }, 60_000)
})

describeWith(['redis'], 'on a Redis cluster with replicas', () => {
  let cluster: RedisCluster
  let cloud: DevCommand
  let client: Client
  beforeAll(async () => {
    cluster = required(await startRedisCluster({ nodes: 3, hasReplicas: true }))
    const env = {
      RATE_LIMIT_FACTOR: String(FACTOR),
      DATABASE_URL: postgres.url,
      REDIS_URL: cluster.url,
    }
    cloud = await startDevCommand({ env, args: ['--as', 'scf', '--runtime', 'node'] })
    client = createClient(cloud.url)
  }, 60_000)
  afterAll(async () => {
    await cloud?.end('SIGTERM')
    await cluster?.stop()
  })

  /**
   * Replication is asynchronous: what a master granted in its last moments its replica may never have heard of. So a
   * failover may cost each limit one more burst, and a nonce or a lock of that moment. What was taken earlier stays taken.
   */
  test('a master killed with kill -9 under load is done without until its replica takes over, with what it had counted', async () => {
    const ask = rateCheck(cloud, client)
    // In slots of all three masters.
    const users = Array.from({ length: 24 }, (_, at) => `user-${at}`)
    const askAll = (cost: number) => Promise.all(users.map((user) => ask('phone-day', user, cost)))
    const load = await startLoad(client, 5)
    await allKinds(load, ({ status }) => status === 200, 20)
    const first = await askAll(STRICT_UNITS / 2)

    const from = performance.now()
    process.kill(cluster.nodes[0]?.pid ?? 0, 'SIGKILL')
    await until(() => load.seen.some(({ sentAt, status }) => sentAt > from && status === 503), RECOVERY_MS)
    await recovered(load, performance.now())
    await until(async () => (await askAll(0)).every(({ status }) => status === 200), RECOVERY_MS)
    const second = await askAll(STRICT_UNITS / 2)
    const third = await askAll(1)
    await load.stop()

    expectStatedPolicies(load, from)
    expect(
      [first, second, third].map((answers) => [...new Set(answers.map(({ allowed }) => allowed))]),
    ).toEqual([[true], [true], [false]])
  }, 60_000)
})
