import { connect as connectSocket } from 'node:net'
import type { Connection, ConnectionOptions } from 'mysql2'
import type { QueryResult, TransactionSettings } from 'kysely'
import { ConnectionError, type Link, type LinkDriver, LIMITS, serverLimitMs } from './link.ts'

/** What begins a transaction, one statement after the other. */
export function mysqlBegin({ isolationLevel, accessMode }: TransactionSettings): readonly string[] {
  const level = isolationLevel === undefined ? [] : [`set transaction isolation level ${isolationLevel}`]
  return [...level, accessMode === undefined ? 'start transaction' : `start transaction ${accessMode}`]
}

type Result = QueryResult<Record<string, unknown>>

/** @see MySQL error reference; MariaDB error codes */
const PASSING_NUMBERS: ReadonlySet<number> = new Set([
  1040, // ER_CON_COUNT_ERROR
  1053, // ER_SERVER_SHUTDOWN
  1129, // ER_HOST_IS_BLOCKED
  1203, // ER_TOO_MANY_USER_CONNECTIONS
  1205, // ER_LOCK_WAIT_TIMEOUT
  1213, // ER_LOCK_DEADLOCK
  1226, // ER_USER_LIMIT_REACHED
  1290, // ER_OPTION_PREVENTS_STATEMENT: read-only, a failover is under way
  1317, // ER_QUERY_INTERRUPTED
  1836, // ER_READ_ONLY_MODE
  1927, // MariaDB ER_CONNECTION_KILLED
  1969, // MariaDB ER_STATEMENT_TIMEOUT
  3024, // MySQL ER_QUERY_TIMEOUT
  4031, // MySQL ER_CLIENT_INTERACTION_TIMEOUT
])

// READ COMMITTED as PostgreSQL has it: the default locks the gaps between rows, and two callers then deadlock.
// The version comments make one text for both: MariaDB reads /*M!, MySQL reads /*!50708 (which MariaDB leaves alone).
function sessionSettings(statementMs: number): string {
  const limitMs = serverLimitMs(statementMs)
  return `set session time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
    innodb_lock_wait_timeout = ${LIMITS.lockMs / 1000}
    /*M! , max_statement_time = ${limitMs / 1000}, tx_isolation = 'READ-COMMITTED' */
    /*!50708 , max_execution_time = ${limitMs}, transaction_isolation = 'READ-COMMITTED' */`
}

/**
 * Connections over `mysql2`. Counts of affected rows are of rows found, as in PostgreSQL, not of rows changed. TLS
 * comes from the URL: `?sslmode=verify-full`, or `require` for a server whose certificate nobody vouches for.
 */
export function mysqlLinks(url: URL, statementMs: number): LinkDriver {
  return { connect: (signal) => connect(url, statementMs, signal), isPassing }
}

async function connect(url: URL, statementMs: number, signal: AbortSignal): Promise<Link> {
  const { createConnection } = await import('./drivers/mysql2.ts')
  signal.throwIfAborted()
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const socket = connectSocket({ host, port: Number(url.port || 3306), keepAlive: true, noDelay: true })
  // Closing by mysql2's own method would leave statements under way without an answer; an error reaches them.
  const destroy = () => void socket.destroy(new ConnectionError('The connection was closed'))
  signal.addEventListener('abort', destroy)
  const connection = createConnection({
    stream: () => socket,
    host,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    flags: ['FOUND_ROWS', '-LOCAL_FILES'],
    // An object among the values would become SQL of its own: {a: 1} as `a` = 1.
    stringifyObjects: true,
    ...tls(url),
  })
  // The listener also keeps a server that goes away from ending the process.
  connection.on('error', destroy)
  connection.on('end', destroy)
  try {
    await send(connection, sessionSettings(statementMs), [])
  } catch (error) {
    destroy()
    throw isServerError(error) ? error : new ConnectionError('Cannot connect', { cause: error })
  } finally {
    signal.removeEventListener('abort', destroy)
  }

  async function query(text: string, values: readonly unknown[]): Promise<Result> {
    try {
      return await send(connection, text, values)
    } catch (error) {
      throw socket.destroyed && !isServerError(error)
        ? new ConnectionError('The connection was lost', { cause: error })
        : error
    }
  }

  return { query, isBroken: () => socket.destroyed, end: () => goodbye(connection), destroy }
}

function send(connection: Connection, sql: string, values: readonly unknown[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, values: [...values] }, (error, result) => {
      if (error !== null) reject(error)
      else if ('affectedRows' in result) resolve({ rows: [], numAffectedRows: BigInt(result.affectedRows) })
      else resolve({ rows: result as Record<string, unknown>[] }) // One statement a call, so one list of rows.
    })
  })
}

function goodbye(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.end((error) => (error === undefined ? resolve() : reject(error)))
  })
}

const TLS = {
  disable: {},
  require: { ssl: { rejectUnauthorized: false } },
  'verify-full': { ssl: {} },
} as const satisfies Record<string, Pick<ConnectionOptions, 'ssl'>>

function tls(url: URL): Pick<ConnectionOptions, 'ssl'> {
  const mode = url.searchParams.get('sslmode') ?? 'disable'
  if (mode === 'disable' || mode === 'require' || mode === 'verify-full') return TLS[mode]
  throw new TypeError('Cannot open the database: sslmode must be disable, require or verify-full')
}

/** mysql2 marks what the server said with its number; other failures carry at most a system error's negative one. */
function isServerError(error: unknown): error is { readonly errno: number } {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' && error.errno >= 1000
}

function isPassing(error: unknown): boolean {
  return isServerError(error) && PASSING_NUMBERS.has(error.errno)
}
