export interface RedisNode {
  readonly host: string
  readonly port: number
}

/** Where Redis is: one server, or some nodes of a cluster. */
export interface RedisAddress {
  readonly isCluster: boolean
  readonly nodes: readonly [RedisNode, ...RedisNode[]]
  readonly isTls: boolean
  readonly username?: string
  readonly password?: string
  readonly db: number
}

const FORM = /^(rediss?)(\+cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)(?:\/(\d*))?$/
const NODE = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i

/**
 * Reads `redis://user:password@host:6379/0`, `rediss://…` for TLS, and `redis+cluster://host:6379,host:6379` for a
 * cluster, of which one reachable node is enough.
 *
 * @throws TypeError that does not repeat the text, which may hold a password.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const parts = FORM.exec(text)
  if (parts === null)
    throw new TypeError('must be like redis://host:6379/0, rediss://… or redis+cluster://host:6379,host:6379')
  const [, scheme, cluster, username = '', password = '', hosts = '', db = ''] = parts
  const isCluster = cluster !== undefined
  const [first, ...others] = hosts.split(',').map(readNode)
  if (first === undefined || (!isCluster && others.length > 0))
    throw new TypeError('must name one host, or use redis+cluster://')
  if (isCluster && Number(db) > 0)
    throw new TypeError('must not name a database: a cluster has only number 0')
  return {
    isCluster,
    nodes: [first, ...others],
    isTls: scheme === 'rediss',
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    db: Number(db),
  }
}

function readNode(text: string): RedisNode {
  const [, host, port = '6379'] = NODE.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) throw new TypeError('must name hosts as host:port')
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

/** The text itself where `parseRedisUrl` accepts it, for reading the configuration. */
export function checkedRedisUrl(text: string): string {
  parseRedisUrl(text)
  return text
}
