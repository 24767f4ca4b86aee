import type { RedisAddress } from './redis-address.ts'

/** Words for what went wrong with Redis: which server it is, by host and port alone, and what it did. */
export interface RedisFailures {
  /** No connection; `reason` is the last error of connecting, where there was one. */
  unreachable(reason: unknown): Error
  /** Nothing came in time. */
  late(operationMs: number): Error
  /** A command failed. */
  failed(error: unknown): Error
}

export function redisFailures({ isCluster, nodes: [{ host, port }] }: RedisAddress): RedisFailures {
  const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const redis = isCluster ? `Redis cluster at ${at}` : `Redis at ${at}`
  return {
    unreachable: (reason) =>
      new Error(
        `${redis} cannot be reached (${reasonOf(reason) ?? 'the connection was closed'})`,
        because(reason),
      ),
    late: (operationMs) => new Error(`${redis} did not answer within ${operationMs} ms`),
    failed: (error) => new Error(`${redis} failed (${reasonOf(error) ?? 'unknown'})`, because(error)),
  }
}

function because(error: unknown): ErrorOptions | undefined {
  return error === undefined ? undefined : { cause: error }
}

/** A system's code, the first word of Redis's own answer (`NOAUTH`, `OOM`), or what the driver says. */
function reasonOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const message = 'message' in error ? String(error.message) : ''
  if ('lastNodeError' in error) return reasonOf(error.lastNodeError) ?? message
  if ('code' in error && typeof error.code === 'string') return error.code
  return /^[A-Z]+(?= )/.exec(message)?.[0] ?? message.replace(/\.$/, '')
}
