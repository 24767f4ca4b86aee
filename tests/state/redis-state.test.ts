import { expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { uuidv7 } from '#shared/ids.ts'
import { openState } from '#shared/state/open-state.ts'
import { redisState } from '#shared/state/redis-state.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import { startRedis } from '#scripts/services/redis.ts'
import { stateOutageSuite } from '#tests/contracts/state-outage.ts'
import { stateStoreSuite } from '#tests/contracts/state-store.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { eventually } from '#tests/services/eventually.ts'
import { required } from '#tests/services/servers.ts'
import { tcpProxy } from '#tests/services/tcp-proxy.ts'
import { testRedis } from '#tests/services/test-redis.ts'

/** What a store does is tested on machines that are busy with other things. */
const PATIENT_MS = 10_000
const never = new AbortController().signal

describeWith(['redis'], 'the state store on Redis', () => {
  stateStoreSuite(async () => {
    const server = await testRedis()
    return { store: redisState({ url: server.url, operationMs: PATIENT_MS }), close: () => server.stop() }
  })

  stateOutageSuite(
    async (port) => redisState({ url: `redis://127.0.0.1:${port}` }),
    async () => {
      let server = await testRedis()
      return {
        port: server.port,
        kill: () => server.stop(),
        async restart() {
          server = required(await startRedis({ port: server.port }))
        },
      }
    },
  )

  test('a connection that died while the instance was frozen is replaced before it is used', async () => {
    const server = await testRedis()
    const proxy = await tcpProxy(server.port)
    let nowMs = 1_000_000
    const store = redisState({ url: `redis://127.0.0.1:${proxy.port}`, clock: () => nowMs })
    await store.set('key', 'value', { ttlMs: 60_000 }, never)
    proxy.swallow()
    proxy.restore()
    nowMs += 20_001

    const value = await store.get('key', never)

    expect(value).toBe('value')
    await store.close()
    await proxy.close()
    await server.stop()
  })

  test('a limit is charged once when the connection breaks after the command was sent', async () => {
    const server = await testRedis()
    const proxy = await tcpProxy(server.port)
    const limit = { key: 'limit', burst: 10, intervalMs: 600_000 }
    const direct = redisState({ url: server.url })
    const store = redisState({ url: `redis://127.0.0.1:${proxy.port}` })
    await store.consume({ limits: [limit] }, never)
    proxy.swallowAnswers()

    await store.consume({ limits: [limit] }, never).catch(() => {})
    proxy.cut()
    const { consumptions } = await direct.consume({ limits: [{ ...limit, cost: 0 }] }, never)

    expect(consumptions[0]?.remaining).toBe(8)
    await Promise.all([store.close(), direct.close(), proxy.close()])
    await server.stop()
  })

  test('an operation that was given up while the store connected is not carried out later', async () => {
    const server = await testRedis()
    const direct = redisState({ url: server.url })
    const store = redisState({ url: server.url, operationMs: PATIENT_MS })
    const caller = new AbortController()

    const lock = store.set('lock', 'taken', { ttlMs: 60_000, ifAbsent: true }, caller.signal)
    caller.abort()
    await expect(lock).rejects.toBe(caller.signal.reason)
    await store.get('other', never) // now it is connected, and what waited for that has run

    expect(await direct.get('lock', never)).toBeUndefined()
    await Promise.all([store.close(), direct.close()])
    await server.stop()
  })

  test.each(['token-bucket', 'sliding-window', 'fixed-window'] as const)(
    'a %s takes no more than 200 bytes, its key included, however busy it is',
    async (kind) => {
      const server = await testRedis()
      const store = redisState({ url: server.url, operationMs: PATIENT_MS })
      const redis = new Redis(server.url)
      const key = `{u:${uuidv7(Date.now())}}:rl:a-policy-with-a-long-name@1200000/86400/100000;ip=203.0.113.255`
      const cost = 999_999_999
      const limit =
        kind === 'token-bucket'
          ? { key, burst: 1e9, intervalMs: 1, cost }
          : { kind, key, quota: 2 * cost, windowMs: 1_000, cost }

      await store.consume({ limits: [limit] }, never)
      const [name = ''] = await redis.keys('*')
      const bytes = await redis.memory('USAGE', name)

      expect(name).toContain(key)
      expect(bytes).toBeLessThanOrEqual(200)
      redis.disconnect()
      await store.close()
      await server.stop()
    },
  )

  test('three calls in a row into a network that swallows packets cost less than half a second together', async () => {
    const server = await testRedis()
    const proxy = await tcpProxy(server.port)
    const store = openState({ redisUrl: `redis://127.0.0.1:${proxy.port}` })
    await eventually(() => store.set('key', 'value', { ttlMs: 60_000 }, never), { withinMs: 2_000 })
    proxy.swallow()

    const startedAt = performance.now()
    const failures: unknown[] = []
    // Bun's `rejects` holds up the event loop while it waits, which would be measured as well.
    while (failures.length < 3) failures.push(await store.get('key', never).catch((error: unknown) => error))
    const lostMs = performance.now() - startedAt
    proxy.restore()

    for (const failure of failures) expect(failure).toMatchObject({ error: 'unavailable' })
    expect(lostMs).toBeLessThan(500)
    expect(await eventually(() => store.get('key', never), { withinMs: 10_000 })).toBe('value')
    await Promise.all([store.close(), proxy.close()])
    await server.stop()
  })

  test('a hundred callers that come before the connection is there leave no listener behind and warn of none', async () => {
    const warnings: unknown[] = []
    const note = (warning: unknown) => void warnings.push(warning)
    process.on('warning', note)
    const server = await testRedis()
    const store = redisState({ url: server.url, operationMs: PATIENT_MS })

    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        store.consume({ limits: [{ key: `{one}:${at % 7}`, burst: 10, intervalMs: 600_000 }] }, never),
      ),
    )
    await new Promise((resolve) => setImmediate(resolve)) // warnings come a turn later
    process.off('warning', note)

    expect(warnings).toEqual([])
    const granted = answers.filter(({ consumptions }) => consumptions[0]?.allowed)
    expect(granted).toHaveLength(70)
    await store.close()
    await server.stop()
  })

  test.each([
    ['redis://reader:hunter22@127.0.0.1:1/3', /^Redis at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)$/],
    ['redis://reader:hunter22@[::1]:1', /^Redis at \[::1\]:1 cannot be reached \(E[A-Z]+\)$/],
    [
      'redis+cluster://reader:hunter22@127.0.0.1:1,127.0.0.1:2',
      /^Redis cluster at 127\.0\.0\.1:1 cannot be reached \(.+\)$/,
    ],
  ])('%s, where nobody listens, fails by its address without its password', async (url, message) => {
    const store = redisState({ url, operationMs: PATIENT_MS })

    const failure = await store.get('key', never).catch((error: unknown) => error)

    expect(failure).toMatchObject({
      error: 'unavailable',
      cause: { message: expect.stringMatching(message) },
    })
    expect(causesOf(failure).join('\n')).not.toContain('hunter22')
    await store.close()
  })

  test('a server that wants another password, one that says nothing, and a command that fails are told apart', async () => {
    const server = await testRedis()
    const proxy = await tcpProxy(server.port)
    const silent = redisState({ url: `redis://127.0.0.1:${proxy.port}` })
    const refused = redisState({ url: `redis://:hunter22@127.0.0.1:${server.port}`, operationMs: PATIENT_MS })
    const store = redisState({ url: server.url, operationMs: PATIENT_MS, keyPrefix: '' })
    const redis = new Redis(server.url)
    await redis.hset('hash', 'field', 'value')
    proxy.swallow()

    const failures: unknown[] = [
      await silent.get('key', never).catch(causesOf),
      await store.get('hash', never).catch(causesOf),
    ]
    await redis.config('SET', 'requirepass', 'another')
    failures.push(await refused.get('key', never).catch(causesOf))

    const told = (port: number, what: string) =>
      expect.arrayContaining(['Fault: unavailable', `Error: Redis at 127.0.0.1:${port} ${what}`])
    expect(failures).toEqual([
      told(proxy.port, 'did not answer within 190 ms'),
      told(server.port, 'failed (WRONGTYPE)'),
      told(server.port, 'cannot be reached (WRONGPASS)'),
    ])
    redis.disconnect()
    await Promise.all([silent.close(), refused.close(), store.close(), proxy.close()])
    await server.stop()
  })

  test('a closed store refuses', async () => {
    const store = redisState({ url: 'redis://127.0.0.1:1' })
    await store.close()

    await expect(store.get('key', never)).rejects.toThrow(TypeError)
  })
})
