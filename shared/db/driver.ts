import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely'
import { Fault } from '#shared/errors.ts'
import type { Tracer } from '#shared/telemetry/tracer.ts'
import { ConnectionError, type LinkDriver } from './link.ts'
import type { Loan, Pool } from './pool.ts'

export interface DriverOptions {
  /** SQL that begins a transaction: one statement, or several in order. */
  readonly begin: (settings: TransactionSettings) => readonly string[]
  readonly links: LinkDriver
  readonly pool: Pool
  readonly statementMs: number
  readonly tracer: Tracer
  /** How traces name the server. */
  readonly system: string
}

interface Options {
  readonly signal?: AbortSignal | undefined
}

type Connection = DatabaseConnection & { readonly loan: Loan; isLost: boolean }

/**
 * Kysely's view of a pool, and the one seam where a failure of the connection, a limit that was passed or a server
 * on its way down becomes the fault `unavailable`.
 */
export function createDriver({ begin, links, pool, statementMs, tracer, system }: DriverOptions): Driver {
  const connections = new WeakMap<DatabaseConnection, Connection>()

  function fault(error: unknown): unknown {
    return error instanceof ConnectionError || links.isPassing(error)
      ? new Fault('unavailable', { cause: error })
      : error
  }

  async function acquireConnection(options?: Options): Promise<DatabaseConnection> {
    const startedAt = performance.now()
    try {
      const loan = await pool.borrow()
      const connection = connect(loan, statementMs - (performance.now() - startedAt))
      connections.set(connection, connection)
      return connection
    } catch (error) {
      // Nobody waits any more: kysely would print the failure.
      if (options?.signal?.aborted === true) return ABANDONED
      throw fault(error)
    }
  }

  function connect(loan: Loan, firstLimitMs: number): Connection {
    let limitMs = firstLimitMs
    const connection: Connection = {
      loan,
      isLost: false,
      async executeQuery<R>({ sql, parameters }: CompiledQuery, options?: Options): Promise<QueryResult<R>> {
        const limits = { limitMs, signal: options?.signal }
        const result = tracer.span(
          () => nameOf(sql),
          { 'db.system.name': system, 'db.query.text': sql },
          () => run(connection, sql, parameters, limits),
        )
        // Waiting for the connection counts towards the first statement, so that no call takes longer than one.
        limitMs = statementMs
        try {
          return (await result) as QueryResult<R> // The builder that compiled the query vouches for its rows.
        } catch (error) {
          throw fault(error)
        }
      },
      streamQuery() {
        throw new TypeError('Cannot stream rows: read pages instead')
      },
    }
    return connection
  }

  const driver: Driver = {
    init: async () => {},
    acquireConnection,
    async releaseConnection(released) {
      const connection = connections.get(released)
      if (connection === undefined) return
      connections.delete(released)
      if (connection.isLost) connection.loan.drop()
      else connection.loan.release()
    },
    async beginTransaction(connection, settings) {
      for (const text of begin(settings)) await connection.executeQuery(statement(text))
    },
    async commitTransaction(connection) {
      try {
        await connection.executeQuery(statement('commit'))
      } catch (error) {
        // Whether the server committed is unknown; the connection's state is, too.
        lose(connection)
        throw error
      }
    },
    async rollbackTransaction(connection) {
      // A rollback that fails leaves it to the server, which rolls back when the connection closes. The failure that
      // made us roll back is the one worth reporting.
      await connection.executeQuery(statement('rollback')).catch(() => lose(connection))
    },
    destroy: () => pool.close(),
  }

  function lose(connection: DatabaseConnection): void {
    const known = connections.get(connection)
    if (known !== undefined) known.isLost = true
  }

  return driver
}

/** The verb and the first table. Values are never part of a statement's text. */
function nameOf(sql: string): string {
  const [verb = ''] = /\w+/.exec(sql) ?? []
  const [, table] = /\b(?:from|into|update)\s+["`](\w+)["`]/i.exec(sql) ?? []
  return [verb.toLowerCase(), ...(table === undefined ? [] : [table])].join(' ')
}

/** A statement that needs no query builder. */
export function statement(sql: string, parameters: readonly unknown[] = []): CompiledQuery {
  // All that `executeQuery` above looks at.
  return { sql, parameters } as CompiledQuery
}

/** Stands for a connection that nobody waits for any more. */
const ABANDONED: DatabaseConnection = {
  executeQuery: () => Promise.reject(new TypeError('Cannot query: the call was abandoned')),
  streamQuery() {
    throw new TypeError('Cannot query: the call was abandoned')
  },
}

/** Runs a statement, and closes the connection under it when the limit passes or the signal ends first. */
async function run(
  connection: Connection,
  sql: string,
  values: readonly unknown[],
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal | undefined },
): Promise<QueryResult<unknown>> {
  let ended: 'late' | 'abandoned' | undefined
  function cut(reason: 'late' | 'abandoned') {
    ended = reason
    connection.isLost = true
    connection.loan.link.destroy()
  }
  function abandon() {
    cut('abandoned')
  }
  const timer = setTimeout(() => cut('late'), limitMs)
  signal?.addEventListener('abort', abandon)
  try {
    return await connection.loan.link.query(sql, values)
  } catch (error) {
    if (ended === 'late')
      throw new ConnectionError(`The database did not answer within ${Math.round(limitMs)} ms`)
    // Kysely has already thrown the signal's reason, and would print this.
    if (ended === 'abandoned') return { rows: [] }
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abandon)
  }
}
