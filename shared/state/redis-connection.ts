import type { Cluster, Redis, RedisOptions } from 'ioredis'
import type { Clock } from '#shared/clock.ts'
import { limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { gathering } from './gathering.ts'
import type { RedisAddress } from './redis-address.ts'
import { redisFailures, type RedisFailures } from './redis-failure.ts'

export interface ConnectionOptions {
  readonly address: RedisAddress
  readonly clock: Clock
  /** For waiting for a connection and for commands, together. */
  readonly operationMs: number
}

export type Client = Redis | Cluster

export interface RedisConnection {
  /** Runs commands on a connection that is ready. @throws Fault `unavailable` within 200 ms when there is none. */
  use<T>(work: (client: Client) => Promise<T>, signal: AbortSignal): Promise<T>
  close(): void
}

/** A connection unused for this long may have died while the instance was frozen; a new one costs a few round trips. */
const IDLE_MS = 20_000

/** A client that hides an outage waits for seconds and sends commands twice: every option here is against that. */
const OPTIONS = {
  lazyConnect: true,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  // A command that was sent may have been carried out: sending it again would count it twice.
  autoResendUnfulfilledCommands: false,
  connectTimeout: 300,
  // No limit for a command: ioredis would take a busy event loop for a dead server. `use` has one.
  socketTimeout: 1_000,
  keepAlive: 30_000,
  retryStrategy: backoffMs,
  // A server that became a replica refuses writes until the client connects to its successor.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
  // What proxies of managed services and servers before 6.0 don't know.
  protocol: 2,
  disableClientInfo: true,
} as const satisfies RedisOptions

function backoffMs(attempt: number): number {
  return Math.min(50 * 2 ** attempt, 2_000) * (0.5 + Math.random())
}

/** A connection that opens on first use and again after each loss, and never makes anyone wait for long. */
export function redisConnection({ address, clock, operationMs }: ConnectionOptions): RedisConnection {
  const failures = redisFailures(address)
  let opening: Promise<Opened> | undefined
  let usedAt = 0
  let isClosed = false

  async function current(): Promise<Opened> {
    if (isClosed) throw new TypeError('Cannot use the state store: it is closed')
    const now = clock()
    if (opening !== undefined && now - usedAt > IDLE_MS) drop(opening)
    usedAt = now
    opening ??= open(address, failures)
    return opening
  }

  async function run<T>(
    { client, whenReady, gather }: Opened,
    work: (client: Client) => Promise<T>,
    isOver: () => boolean,
  ): Promise<T> {
    if (client.status !== 'ready') await whenReady()
    // Its caller has been told that it failed: a lock taken now would be nobody's.
    if (isOver()) throw new Error('Nobody waits for this any more')
    gather()
    try {
      return await work(client)
    } catch (error) {
      throw error instanceof TypeError ? error : failures.failed(error)
    }
  }

  function unavailable(error: unknown): Fault {
    const isLate = error instanceof DOMException && error.name === 'TimeoutError'
    return new Fault('unavailable', { cause: isLate ? failures.late(operationMs) : error })
  }

  function drop(stale: Promise<Opened>): void {
    opening = undefined
    // A client that failed to load has nothing to close.
    stale.then(({ client }) => client.disconnect()).catch(() => {})
  }

  return {
    async use(work, signal) {
      signal.throwIfAborted()
      try {
        // Before the limit begins: while a cold start loads the driver, no server is being waited for.
        const opened = await current()
        return await limited(operationMs, (isOver) => run(opened, work, isOver), signal)
      } catch (error) {
        signal.throwIfAborted()
        throw error instanceof TypeError ? error : unavailable(error)
      }
    },
    close() {
      isClosed = true
      if (opening !== undefined) drop(opening)
    },
  }
}

interface Login {
  readonly username?: string
  readonly password?: string
  readonly tls?: object
}

interface Opened {
  readonly client: Client
  /** Resolves once it is connected; rejects as soon as an attempt fails. */
  readonly whenReady: () => Promise<void>
  /** Call before sending: what is sent in this turn of the event loop leaves in one piece. */
  readonly gather: () => void
}

async function open(address: RedisAddress, failures: RedisFailures): Promise<Opened> {
  const { isCluster, nodes, isTls, username, password, db } = address
  const { Cluster, Redis } = await import('./drivers/ioredis.ts')
  const login: Login = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  }
  const client = isCluster
    ? new Cluster([...nodes], clusterOptions(login))
    : new Redis({ ...OPTIONS, ...login, ...nodes[0], db })
  const lastError = lastErrorOf(client)
  client.connect().catch(() => {}) // `whenReady` tells.
  return {
    client,
    whenReady: readiness(client, () => failures.unreachable(lastError())),
    gather: client instanceof Redis ? gathering(client) : () => {},
  }
}

function clusterOptions(login: Login) {
  return {
    lazyConnect: true,
    // Nodes connect when first used: without it a second command to such a node fails while the first one connects.
    // Nobody waits in it for long, because `whenReady` comes first and `use` has a limit.
    enableOfflineQueue: true,
    slotsRefreshTimeout: 500,
    clusterRetryStrategy: backoffMs,
    // After a lost connection and while slots are down: these would send commands a second time, or wait.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    redisOptions: { ...OPTIONS, ...login },
  }
}

/** Why it is not connected. Without a listener ioredis prints each attempt to connect. */
function lastErrorOf(client: Client): () => unknown {
  let last: unknown
  client.on('error', (error: unknown) => {
    last = error
  })
  client.on('ready', () => {
    last = undefined
  })
  return () => last
}

const CONNECTING: ReadonlySet<string> = new Set(['wait', 'connecting', 'connect'])

/** Waits for a client; however many wait for one attempt, they share one promise and one pair of listeners. */
function readiness(client: Client, unreachable: () => Error): () => Promise<void> {
  let waiting: Promise<void> | undefined

  function attempt(): Promise<void> {
    return new Promise((resolve, reject) => {
      function settle(isReady: boolean) {
        waiting = undefined
        client.off('ready', onReady)
        client.off('close', onClose)
        if (isReady) resolve()
        else reject(unreachable())
      }
      const onReady = () => settle(true)
      const onClose = () => settle(false)
      client.once('ready', onReady)
      client.once('close', onClose)
    })
  }

  return async () => {
    if (!CONNECTING.has(client.status)) throw unreachable()
    waiting ??= attempt()
    return waiting
  }
}
