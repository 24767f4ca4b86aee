import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { join } from 'node:path'
import { migrate } from '#scripts/migrate.ts'
import { type PostgresServer, startPostgres } from '#scripts/services/postgres.ts'
import { type RedisServer, startRedis } from '#scripts/services/redis.ts'
import { runningProcesses } from '#scripts/smoke/processes.ts'
import type { Database } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { until } from '#tests/runtime/until.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required, temporaryFolder } from '#tests/services/servers.ts'
import { type TcpProxy, tcpProxy } from '#tests/services/tcp-proxy.ts'
import { type Client, createClient } from './client.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'
import { type Load, type Observation, outcomes, slowestMs, startLoad, usuallyMs } from './load.ts'

const IN_FLIGHT = 20
/** The load comes from one address. */
const NO_LIMITS = { RATE_LIMIT_FACTOR: '1000' }
/** What the API promises for any answer, whatever has failed. */
const HANG_MS = 5_000
const RECOVERY_MS = 10_000
const ENOUGH = 60
/** Of one instance, unless DATABASE_POOL says otherwise. */
const CONNECTIONS = 2

const dataDir = join(temporaryFolder(), 'postgres')
let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres({ dataDir })
  await migrate({ url: new URL(postgres.url) })
}, 60_000)
afterAll(() => postgres?.stop())

/** Asks the database itself, past everything that is tested. */
async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase({ url: new URL(postgres.url), poolSize: 1 })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

function counted(): Promise<readonly unknown[]> {
  return withDatabase(async (database) => {
    const text = sql`select (select count(*) from users) as users, (select count(*) from sessions) as sessions`
    return (await text.execute(await database.sql())).rows
  })
}

/** Resolves when the latest calls that were sent after `from` all succeeded. */
function recovered({ seen }: Load, from: number): Promise<void> {
  return until(() => {
    const since = seen.filter(({ sentAt }) => sentAt > from).slice(-ENOUGH)
    return since.length === ENOUGH && since.every(({ status }) => status === 200)
  }, RECOVERY_MS)
}

/** Resolves when each kind of call has been answered so often in a way that `matches`. */
function allKinds({ seen }: Load, matches: (one: Observation) => boolean, times = 5): Promise<void> {
  return until(() =>
    (['login', 'user', 'refresh'] as const).every(
      (kind) => seen.filter((one) => one.kind === kind && matches(one)).length >= times,
    ),
  )
}

const isUnavailable = ({ status }: Observation) => status === 503

/** Every session that the load left behind can go on, so nothing that was answered got lost. */
async function expectSessionsToGoOn(client: Client, load: Load): Promise<void> {
  const sessions = await load.stop()
  const refreshed = await Promise.all(
    sessions.map(({ refreshToken }) => client.call('/login/refresh', { body: { refreshToken } })),
  )
  expect(refreshed.map(({ status }) => status)).toEqual(sessions.map(() => 200))
}

function expectOnlyUnavailable(seen: readonly Observation[]): void {
  expect(outcomes(seen.filter(({ status }) => status !== 200 && status !== 503))).toEqual({})
  const refused = seen.filter(isUnavailable)
  expect(refused.filter(({ retryAfter }) => !/^[1-9]\d*$/.test(retryAfter ?? ''))).toEqual([])
  expect(slowestMs(seen)).toBeLessThan(HANG_MS)
}

describe('with its database', () => {
  let cloud: DevCommand
  let client: Client
  beforeAll(async () => {
    cloud = await startDevCommand({ env: { ...NO_LIMITS, DATABASE_URL: postgres.url } })
    client = createClient(cloud.url)
  }, 60_000)
  afterAll(() => cloud?.end('SIGTERM'))

  test('stopped and started under load, answers are 503 with Retry-After, and all is well again by itself', async () => {
    const load = await startLoad(client, IN_FLIGHT)
    await allKinds(load, ({ status }) => status === 200)
    const before = cloud.instances('login').map(({ pid }) => pid)

    await postgres.stop()
    await allKinds(load, isUnavailable)
    postgres = await startPostgres({ dataDir, port: postgres.port })
    await recovered(load, performance.now())
    await expectSessionsToGoOn(client, load)

    expectOnlyUnavailable(load.seen)
    expect(cloud.instances('login').map(({ pid }) => pid)).toEqual(before)
  }, 60_000)

  test('kept, a function’s process killed with kill -9 under load is replaced', async () => {
    const load = await startLoad(client, IN_FLIGHT)
    await allKinds(load, ({ status }) => status === 200)
    const before = [...cloud.instances('login'), ...cloud.instances('user')].map(({ pid }) => pid)

    for (const pid of before) process.kill(pid, 'SIGKILL')
    const killedAt = performance.now()
    await recovered(load, killedAt)
    await expectSessionsToGoOn(client, load)

    // FC's own answer to a POST whose process died is a 502; it repeats a GET.
    const failed = load.seen.filter(({ status }) => status !== 200)
    expect(outcomes(failed.filter(({ kind, status }) => kind === 'user' || status !== 502))).toEqual({})
    expect(slowestMs(load.seen)).toBeLessThan(HANG_MS)
    const after = [...cloud.instances('login'), ...cloud.instances('user')].map(({ pid }) => pid)
    expect(after.length).toBeGreaterThanOrEqual(2)
    expect(after.filter((pid) => before.includes(pid))).toEqual([])
  }, 60_000)

  // A code that was sent is never sent again, so each call needs its own.
  let codes = 0
  const SCRIPTED = [
    ['too slow', { latencyMs: 20_000 }, '504 upstream_timeout'],
    ['silent', { connection: 'silent' }, '504 upstream_timeout'],
    ['breaking the connection', { connection: 'drop' }, '502 upstream_failed'],
    ['answering 500', { status: 500 }, '502 upstream_failed'],
    ['busy (-1)', { errcode: -1 }, '502 upstream_failed'],
    ['answering no JSON', { body: '<html>' }, '502 upstream_failed'],
  ] as const

  test.each(SCRIPTED)(
    'kept and WeChat %s, a sign-in fails in time and leaves no half-made user',
    async (_, failure, expected) => {
      const before = await counted()
      await control(cloud, 'POST', { endpoint: '/sns/jscode2session', ...failure })

      const from = performance.now()
      const answer = await client.call('/login', { body: { code: `dev-unlucky.${++codes}` } })
      const tookMs = performance.now() - from
      await control(cloud, 'DELETE')

      expect(`${answer.status} ${answer.body.error}`).toBe(expected)
      expect(tookMs).toBeLessThan(HANG_MS)
      expect(await counted()).toEqual(before)
    },
  )
})

function isRunning(pid: number): boolean {
  return runningProcesses().some((one) => one.pid === pid)
}

async function control({ wechatUrl }: DevCommand, method: string, failure?: object): Promise<void> {
  const init = failure === undefined ? { method } : { method, body: JSON.stringify(failure) }
  const { ok } = await fetch(`${wechatUrl}/_control/failures`, init)
  if (!ok) throw new Error('The stand-in did not take the failure')
}

describe('with a network before its database that loses packets', () => {
  let proxy: TcpProxy
  let cloud: DevCommand
  let client: Client
  beforeAll(async () => {
    proxy = await tcpProxy(postgres.port)
    const url = new URL(postgres.url)
    url.port = String(proxy.port)
    cloud = await startDevCommand({
      args: ['--as', 'scf', '--runtime', 'node'],
      env: { ...NO_LIMITS, DATABASE_URL: url.href },
    })
    client = createClient(cloud.url)
  }, 60_000)
  afterAll(async () => {
    await cloud?.end('SIGTERM')
    await proxy?.close()
  })

  test('no call hangs while all of them are lost, and all is well again by itself', async () => {
    const load = await startLoad(client, IN_FLIGHT)
    await allKinds(load, ({ status }) => status === 200)

    proxy.swallow()
    await allKinds(load, isUnavailable, 3)
    proxy.restore()
    await recovered(load, performance.now())
    await expectSessionsToGoOn(client, load)

    // Whoever was already on a connection waits out the deadline: that call may have had its effect.
    expectOnlyUnavailable(load.seen.filter(({ status }) => status !== 504))
    expect(load.seen.filter(({ status }) => status === 504).length).toBeLessThanOrEqual(2 * CONNECTIONS)
    expect(slowestMs(load.seen)).toBeLessThan(HANG_MS)
  }, 60_000)

  test('kill -9 between the commit of a refresh and its answer costs nothing: the same token gets the current one', async () => {
    const { refreshToken } = await client.signIn('cut-off')
    const [sent, status] = await withDatabase(async (database) => {
      const call = await (await database.sql()).transaction().execute(async (locked) => {
        await sql`select id from sessions order by created_at desc limit 1 for update`.execute(locked)
        const refreshing = client.call('/login/refresh', { body: { refreshToken } })
        await until(() => waitsForLock())
        proxy.swallowAnswers()
        return { refreshing }
      })
      await until(() => rotatedOnce(database))
      for (const { pid } of cloud.instances('login')) process.kill(pid, 'SIGKILL')
      return [refreshToken, (await call.refreshing).status] as const
    })
    proxy.restore()

    const again = await client.call('/login/refresh', { body: { refreshToken: sent } })
    const next = await client.call('/login/refresh', { body: { refreshToken: again.body.data.refreshToken } })

    expect([status, again.status, next.status]).toEqual([439, 200, 200])
  }, 30_000)

  /** Whether the refresh's statement stands before the row that the test holds. */
  function waitsForLock(): Promise<boolean> {
    return withDatabase(async (database) => {
      const text = sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike 'update%sessions%'`
      return (await text.execute(await database.sql())).rows.length > 0
    })
  }

  async function rotatedOnce(database: Database): Promise<boolean> {
    const text = sql<{ counter: number }>`select counter from sessions order by created_at desc limit 1`
    return Number((await text.execute(await database.sql())).rows[0]?.counter) === 1
  }
})

describeWith(['redis'], 'with Redis', () => {
  const dir = temporaryFolder()
  let redis: RedisServer
  let cloud: DevCommand
  let client: Client
  beforeAll(async () => {
    redis = required(await startRedis({ dir }))
    cloud = await startDevCommand({ env: { ...NO_LIMITS, DATABASE_URL: postgres.url, REDIS_URL: redis.url } })
    client = createClient(cloud.url)
  }, 60_000)
  afterAll(async () => {
    await cloud?.end('SIGTERM')
    await redis?.stop()
  })

  /** Its port is free again. A frozen one ends by kill -9 only. */
  async function gone(server: RedisServer): Promise<void> {
    if (isRunning(server.pid)) process.kill(server.pid, 'SIGKILL')
    await server.stop()
  }

  const ENDS = [
    ['stopped', () => redis.stop()],
    ['killed with kill -9', async () => void process.kill(redis.pid, 'SIGKILL')],
    ['frozen', async () => void process.kill(redis.pid, 'SIGSTOP')],
  ] as const

  test.each(ENDS)(
    '%s under load, logins are refused, all else goes on since the database decides, and nothing takes long',
    async (_, end) => {
      const load = await startLoad(client, 5)
      await allKinds(load, ({ status }) => status === 200, 20)
      const usualMs = usuallyMs(load.seen)

      const { accessToken: token } = await client.signIn('leaver')

      await end()
      const from = performance.now()
      await allKinds(load, ({ sentAt }) => sentAt > from, 20)
      const live = await client.call('/user', { token })
      await client.call('/logout', { method: 'POST', token })
      const ended = await client.call('/user', { token })
      await gone(redis)
      redis = required(await startRedis({ dir, port: redis.port }))
      await recovered(load, performance.now())
      await expectSessionsToGoOn(client, load)

      // What the table says of login: refused while nobody can count. All else goes on.
      const refused = load.seen.filter(({ status }) => status !== 200)
      expect(Object.keys(outcomes(refused))).toEqual(['login 503 unavailable'])
      expect(refused.every(({ retryAfter }) => /^[1-9]\d*$/.test(retryAfter ?? ''))).toBe(true)
      expect(usuallyMs(load.seen.filter(({ sentAt }) => sentAt > from))).toBeLessThan(usualMs + 500)
      expect(slowestMs(load.seen)).toBeLessThan(HANG_MS / 2)
      expect([live.status, ended.status, ended.body.error]).toEqual([200, 401, 'token_revoked'])
    },
    60_000,
  )
})
