import { connect } from 'node:net'
import { once } from 'node:events'
import { freePort } from './free-port.ts'
import { startRedis, type RedisServer } from './redis.ts'

export interface RedisCluster {
  /** `redis+cluster://host:port,host:port,…` */
  readonly url: string
  /** The masters first, then their replicas in the same order. */
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

interface Node extends RedisServer {
  readonly busPort: number
}

const SLOTS = 16_384
const JOIN_TIMEOUT_MS = 10_000
const POLL_MS = 20

export interface RedisClusterOptions {
  /** How many masters. */
  readonly nodes: number
  /** Whether each master has a replica, which takes its place about two seconds after it has died; none unless given. */
  readonly hasReplicas?: boolean
}

/** Starts a cluster on loopback; undefined where there is no Redis on PATH. */
export async function startRedisCluster({
  nodes: count,
  hasReplicas = false,
}: RedisClusterOptions): Promise<RedisCluster | undefined> {
  const nodes: Node[] = []
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())))
  try {
    while (nodes.length < count * (hasReplicas ? 2 : 1)) {
      const node = await startNode()
      if (node === undefined) return undefined
      nodes.push(node)
    }
    await join(nodes, count)
    await replicate(nodes.slice(0, count), nodes.slice(count))
  } catch (error) {
    await stop()
    throw error
  }
  const url = `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  return { url, nodes, stop }
}

async function startNode(): Promise<Node | undefined> {
  // Chosen, because the usual one, the port + 10000, may not exist.
  const busPort = await freePort()
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '1000',
    'cluster-port': String(busPort),
    // A replica usually waits 5 s for others that might want the same copy.
    'repl-diskless-sync-delay': '0',
  }
  const node = await startRedis({ settings })
  return node === undefined ? undefined : { ...node, busPort }
}

async function join(nodes: readonly Node[], masters: number): Promise<void> {
  const [first, ...others] = nodes
  for (const [at, node] of nodes.slice(0, masters).entries()) {
    const from = Math.floor((SLOTS * at) / masters)
    const to = Math.floor((SLOTS * (at + 1)) / masters) - 1
    await command(node.port, `CLUSTER ADDSLOTSRANGE ${from} ${to}`)
  }
  for (const { port } of others)
    await command(port, `CLUSTER MEET 127.0.0.1 ${first?.port ?? 0} ${first?.busPort ?? 0}`)
  await Promise.all(nodes.map(({ port }) => until(() => isWhole(port, nodes.length))))
}

async function replicate(masters: readonly Node[], replicas: readonly Node[]): Promise<void> {
  for (const [at, { port }] of replicas.entries()) {
    const id = /\w{40}/.exec(await command(masters[at]?.port ?? 0, 'CLUSTER MYID'))?.[0] ?? ''
    await command(port, `CLUSTER REPLICATE ${id}`)
  }
  await Promise.all(
    replicas.map(({ port }) =>
      until(async () => (await command(port, 'INFO replication')).includes('master_link_status:up')),
    ),
  )
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + JOIN_TIMEOUT_MS
  while (!(await check())) {
    if (Date.now() > deadline)
      throw new Error('Cannot start the Redis cluster: its nodes did not find each other')
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
}

async function isWhole(port: number, nodes: number): Promise<boolean> {
  const info = await command(port, 'CLUSTER INFO')
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}`)
}

/** Sends one command in its inline form and answers with the first part of the reply, which is all that is needed. */
async function command(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`${text}\r\n`)
  const [reply] = (await once(socket, 'data')) as [Uint8Array] // The stream has no encoding, so chunks are bytes.
  socket.destroy()
  if (String(reply).startsWith('-'))
    throw new Error(`Cannot start the Redis cluster: ${String(reply).trim()}`)
  return String(reply)
}
