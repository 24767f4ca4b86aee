import { expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import type { StateStore } from '#shared/state/store.ts'
import { eventually } from '#tests/services/eventually.ts'
import { tcpProxy } from '#tests/services/tcp-proxy.ts'

/** A server that can be taken away. */
export interface Outage {
  readonly port: number
  kill(): Promise<void>
  restart(): Promise<void>
}

const never = new AbortController().signal
/** 200 ms by contract, and some for a busy machine. */
const LIMIT_MS = 500
/** Redis clients wait up to 3 s between attempts; a statement that PostgreSQL never answers is given up after 5 s. */
const RECOVERY_MS = 10_000

const OPERATIONS: Readonly<Record<string, (store: StateStore) => Promise<unknown>>> = {
  get: (store) => store.get('other', never),
  getMany: (store) => store.getMany(['other', 'another'], never),
  set: (store) => store.set('other', 'value', { ttlMs: 1_000 }, never),
  delete: (store) => store.delete('other', { ifValue: 'value' }, never),
  consume: (store) => store.consume({ limits: [{ key: 'limit', burst: 1, intervalMs: 1 }] }, never),
}

/** How a state store fails and comes back. `open` opens one on a port of loopback; `start` starts a server for it. */
export function stateOutageSuite(
  open: (port: number) => Promise<StateStore>,
  start: () => Promise<Outage>,
): void {
  test('on a port where nothing listens every operation fails at once, the first connection included', async () => {
    const store = await open(1)

    for (const operation of Object.values(OPERATIONS)) await expectUnavailable(() => operation(store))

    await store.close()
  })

  test('behind a network that swallows packets every operation fails in time, before and after it worked', async () => {
    const server = await start()
    const proxy = await tcpProxy(server.port)
    const store = await open(proxy.port)
    proxy.swallow()
    await expectUnavailable(() => store.get('key', never))
    proxy.restore()
    await eventually(() => store.set('key', 'value', { ttlMs: 60_000 }, never), { withinMs: RECOVERY_MS })
    proxy.swallow()

    for (const operation of Object.values(OPERATIONS)) await expectUnavailable(() => operation(store))

    proxy.restore()
    expect(await eventually(() => store.get('key', never), { withinMs: RECOVERY_MS })).toBe('value')
    await store.close()
    await proxy.close()
    await server.kill()
  })

  test('while the server is down every operation fails in time, and works again without a restart of ours', async () => {
    const server = await start()
    const store = await open(server.port)
    await eventually(() => store.set('key', 'value', { ttlMs: 60_000 }, never), { withinMs: 2_000 })

    await server.kill()
    for (const operation of Object.values(OPERATIONS)) await expectUnavailable(() => operation(store))
    await server.restart()

    expect(
      await eventually(() => store.set('key', 'again', { ttlMs: 60_000 }, never), { withinMs: RECOVERY_MS }),
    ).toBe(true)
    expect(await store.get('key', never)).toBe('again')
    await store.close()
    await server.kill()
  })
}

async function expectUnavailable(operation: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  const error = await operation().then(
    () => undefined,
    (error: unknown) => error,
  )

  expect(error).toBeInstanceOf(Fault)
  expect(error).toMatchObject({ error: 'unavailable', retryAfterS: 1 })
  expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS)
}
