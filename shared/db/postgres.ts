import { Socket } from 'node:net'
import type { QueryResult, TransactionSettings } from 'kysely'
import { ConnectionError, type Link, type LinkDriver, LIMITS, serverLimitMs } from './link.ts'

/** What begins a transaction. */
export function postgresBegin({ isolationLevel, accessMode }: TransactionSettings): readonly string[] {
  const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
  return [`start transaction${level}${accessMode === undefined ? '' : ` ${accessMode}`}`]
}

/** @see PostgreSQL, appendix A: error codes */
const PASSING_STATES: ReadonlySet<string> = new Set([
  '25006', // read-only: a failover is under way
  '25P03', // idle in transaction for too long
  '40001', // serialization failure
  '40P01', // deadlock
  '55P03', // lock_timeout
  '57014', // statement_timeout
])
const PASSING_CLASSES = /^(08|53|57P)/ // connection, resources (too many connections), shutdown and crash
const COUNTED = /^(INSERT|UPDATE|DELETE|MERGE)$/

/** Connections over `pg`. TLS comes from the URL: `?sslmode=verify-full`. */
export function postgresLinks(url: URL, statementMs: number): LinkDriver {
  return { connect: (signal) => connect(url, statementMs, signal), isPassing }
}

async function connect(url: URL, statementMs: number, signal: AbortSignal): Promise<Link> {
  const { Client } = await import('./drivers/pg.ts')
  const socket = new Socket()
  const client = new Client({
    connectionString: url.href,
    statement_timeout: serverLimitMs(statementMs),
    lock_timeout: LIMITS.lockMs,
    idle_in_transaction_session_timeout: LIMITS.idleInTransactionMs,
    keepAlive: true,
    stream: () => socket,
  })
  // The listener also keeps a server that goes away from ending the process.
  client.on('error', () => socket.destroy())
  const destroy = () => void socket.destroy()
  signal.addEventListener('abort', destroy)
  try {
    await client.connect()
  } catch (error) {
    destroy()
    throw isServerError(error) ? error : new ConnectionError('Cannot connect', { cause: error })
  } finally {
    signal.removeEventListener('abort', destroy)
  }

  async function query(
    text: string,
    values: readonly unknown[],
  ): Promise<QueryResult<Record<string, unknown>>> {
    try {
      const { command, rowCount, rows } = await client.query<Record<string, unknown>>(text, [...values])
      // What PostgreSQL answers when an earlier statement failed and the caller went on regardless.
      if (command === 'ROLLBACK' && text === 'commit')
        throw new TypeError('Cannot commit: a statement of the transaction failed')
      return COUNTED.test(command) ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows }
    } catch (error) {
      throw socket.destroyed && !isServerError(error)
        ? new ConnectionError('The connection was lost', { cause: error })
        : error
    }
  }

  return { query, isBroken: () => socket.destroyed, end: () => client.end(), destroy }
}

/** What the server itself said. The code alone would not tell: EPIPE has the form of an SQLSTATE. */
function isServerError(error: unknown): error is { readonly code: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    'severity' in error &&
    error.severity !== undefined
  )
}

function isPassing(error: unknown): boolean {
  return isServerError(error) && (PASSING_CLASSES.test(error.code) || PASSING_STATES.has(error.code))
}
