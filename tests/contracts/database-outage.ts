import { expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { Fault } from '#shared/errors.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { eventually } from '#tests/services/eventually.ts'
import { tcpProxy } from '#tests/services/tcp-proxy.ts'

/** A server that can be taken away. */
export interface DatabaseOutage {
  readonly url: URL
  stop(): Promise<void>
  restart(): Promise<void>
}

const signal = new AbortController().signal
/** 5 s by contract, and some for a busy machine. */
const LIMIT_MS = 5_500
const RECOVERY_MS = 10_000

/** How a database fails and comes back. Call it inside a `describe`. */
export function databaseOutageSuite(start: () => Promise<DatabaseOutage>): void {
  test('nothing listens: the first query is told at once', async () => {
    const server = await start()
    const database = openDatabase({ url: onPort(server.url, 1), poolSize: 1 })
    const startedAt = performance.now()

    await expect(database.warm(signal)).rejects.toMatchObject({ error: 'unavailable', retryAfterS: 1 })

    expect(performance.now() - startedAt).toBeLessThan(1_000)
    await database.close()
    await server.stop()
  })

  test('the server stops and starts under load: every failure is unavailable and within 5 s, and it recovers', async () => {
    const server = await start()
    const database = openDatabase({ url: server.url, poolSize: 2 })
    const failures: unknown[] = []
    const durations: number[] = []
    const over = new AbortController()
    let successes = 0
    async function client() {
      while (!over.signal.aborted) {
        const startedAt = performance.now()
        await database.warm(signal).then(
          () => (successes += 1),
          (error: unknown) => failures.push(error),
        )
        durations.push(performance.now() - startedAt)
        // Failures are immediate: let the rest of the program run.
        await new Promise((done) => setImmediate(done))
      }
    }
    const clients = Promise.all(Array.from({ length: 8 }, client))

    await eventually(async () => successes > 50, { withinMs: RECOVERY_MS })
    await server.stop()
    await eventually(async () => failures.length > 20, { withinMs: RECOVERY_MS })
    await server.restart()
    const before = successes
    await eventually(async () => successes > before + 50, { withinMs: RECOVERY_MS })
    over.abort()
    await clients

    expect(failures.filter((error) => !(error instanceof Fault && error.error === 'unavailable'))).toEqual([])
    expect(Math.max(...durations)).toBeLessThan(LIMIT_MS)
    await database.close()
    await server.stop()
  })

  test('a network that swallows packets: unavailable within 5 s, on old connections and new', async () => {
    const server = await start()
    const proxy = await tcpProxy(Number(server.url.port))
    const database = openDatabase({ url: onPort(server.url, proxy.port), poolSize: 1 })
    await database.warm(signal)
    proxy.swallow()

    for (const attempt of ['old', 'new']) {
      const startedAt = performance.now()
      await expect(database.warm(signal)).rejects.toMatchObject({ error: 'unavailable' })
      expect([attempt, performance.now() - startedAt < LIMIT_MS]).toEqual([attempt, true])
    }

    proxy.restore()
    await database.warm(signal)
    await database.close()
    await proxy.close()
    await server.stop()
  })

  test('a connection that breaks while a long statement is being written: unavailable', async () => {
    const server = await start()
    const proxy = await tcpProxy(Number(server.url.port))
    const database = openDatabase({ url: onPort(server.url, proxy.port), poolSize: 1 })
    await database.warm(signal)
    proxy.cut() // in the same turn of the loop, so that the client writes into it: EPIPE

    const long = sql`select length(${'x'.repeat(8 * 1024 * 1024)})`.execute(await database.sql())

    await expect(long).rejects.toMatchObject({ error: 'unavailable', retryAfterS: 1 })
    await database.close()
    await proxy.close()
    await server.stop()
  })

  test('a connection that died while the instance was frozen costs 200 ms, not a failure', async () => {
    const server = await start()
    const proxy = await tcpProxy(Number(server.url.port))
    let nowMs = 1_000_000
    const database = openDatabase({ url: onPort(server.url, proxy.port), poolSize: 1, clock: () => nowMs })
    await database.warm(signal)
    proxy.swallow()
    proxy.restore()
    nowMs += 20_000
    const startedAt = performance.now()

    await database.warm(signal)

    expect(performance.now() - startedAt).toBeLessThan(1_500)
    await database.close()
    await proxy.close()
    await server.stop()
  })
}

function onPort(url: URL, port: number): URL {
  const other = new URL(url)
  other.port = String(port)
  return other
}
