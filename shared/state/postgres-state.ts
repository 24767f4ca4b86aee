import { abandonable, limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { batchReads } from './batch-reads.ts'
import { checkedTtlMs, limitUnits } from './limit-units.ts'
import { type Consumption, OPERATION_MS, type StateStore } from './store.ts'

/** Runs one statement of PostgreSQL with `$1`, `$2` … for values. */
export interface StateQueries {
  query(
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>
}

export interface PostgresStateOptions {
  readonly queries: StateQueries
  /** A number from 0 up to 1, for deciding which call sweeps what has expired. */
  readonly random?: () => number
  /** For one operation; 190 ms for a read and 2 s for a write unless given. */
  readonly operationMs?: number
}

/**
 * A write waits as the database's own users do: behind a connection that is being made, and on a limit that a thousand
 * calls want at once, behind their locks. Nothing is won by giving up sooner: with the database down nobody is served.
 */
const WRITE_MS = 2_000
const SWEEP_SHARE = 0.01
const SWEEP_CELLS_SHARE = 0.001

/** A read is shared by several requests, so it ends with none of them, only by its own time. */
const NOBODYS = new AbortController().signal

const NOW = 'clock_timestamp()'
const GET_MANY = `select key, value from state where key = any($1::text[]) and expires_at > ${NOW}`
const SET = `insert into state (key, value, expires_at) values ($1, $2, ${NOW} + $3 * interval '1 millisecond')
  on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at`
const IF_EXPIRED = `where state.expires_at <= ${NOW}`
const DELETE = `delete from state where key = $1 and expires_at > ${NOW}`
const CONSUME = `select place, allowed, remaining, retry_us, reset_us, null as key, null as value
  from state_take($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
    with ordinality as taken (allowed, remaining, retry_us, reset_us, place)
  union all
  select null, null, null, null, null, key, value from state where key = any($6::text[]) and expires_at > ${NOW}`
const SWEEP = `delete from state where key = any(array(
  select key from state where expires_at <= ${NOW} order by expires_at limit 200 for update skip locked))`
const SWEEP_CELLS = `delete from state_cells where key = any(array(
  select key from state_cells where tat < extract(epoch from ${NOW}) * 1000000 limit 1000 for update skip locked))`

/**
 * A state store in the PostgreSQL database itself: one statement a call, over unlogged tables that the migrations
 * make. What has expired is invisible at once and deleted now and then by the calls that write.
 */
export function postgresState({
  queries,
  random = Math.random,
  operationMs,
}: PostgresStateOptions): StateStore {
  /** The statement itself goes on after the time is up, so that one slow moment does not cost the connection. */
  async function query(
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
    limitMs = operationMs ?? WRITE_MS,
  ) {
    signal.throwIfAborted()
    try {
      return await limited(limitMs, () => queries.query(text, values, signal), signal)
    } catch (error) {
      signal.throwIfAborted()
      const isLate = error instanceof DOMException && error.name === 'TimeoutError'
      throw isLate ? new Fault('unavailable', { cause: late(limitMs) }) : error
    }
  }

  const read = batchReads(async (keys) => {
    const rows = await query(GET_MANY, [keys], NOBODYS, operationMs ?? OPERATION_MS)
    return valuesByKey(rows)
  })

  async function getMany(keys: readonly string[], signal: AbortSignal) {
    signal.throwIfAborted()
    if (keys.length === 0) return []
    const found = await abandonable(read(keys), signal)
    return keys.map((key) => found.get(key))
  }

  async function sweep(text: string, share: number, signal: AbortSignal): Promise<void> {
    // The call has done its work; a sweep that fails is another call's chance.
    if (random() < share) await query(text, [], signal).catch(() => {})
  }

  return {
    async get(key, signal) {
      const [value] = await getMany([key], signal)
      return value
    },

    getMany,

    async set(key, value, { ttlMs, ifAbsent = false }, signal) {
      const values = [key, bytes(value), checkedTtlMs(ttlMs)]
      const rows = await query(`${SET} ${ifAbsent ? IF_EXPIRED : ''} returning 1`, values, signal)
      await sweep(SWEEP, SWEEP_SHARE, signal)
      return rows.length === 1
    },

    async delete(key, { ifValue }, signal) {
      const rows =
        ifValue === undefined
          ? await query(`${DELETE} returning 1`, [key], signal)
          : await query(`${DELETE} and value = $2 returning 1`, [key, bytes(ifValue)], signal)
      return rows.length === 1
    },

    async consume({ limits, alsoGet = [] }, signal) {
      const units = limitUnits(limits)
      const columns = [
        units.map(({ kind }) => kind),
        units.map(({ key }) => key),
        units.map(({ spanUs }) => spanUs),
        units.map(({ size }) => size),
        units.map(({ cost }) => cost),
      ]
      const rows = await query(CONSUME, [...columns, alsoGet], signal)
      await sweep(SWEEP_CELLS, SWEEP_CELLS_SHARE, signal)
      const found = valuesByKey(rows.filter((row) => row['place'] === null))
      return {
        consumptions: rows
          .filter((row) => row['place'] !== null)
          .sort((one, other) => Number(one['place']) - Number(other['place']))
          .map(consumption),
        values: alsoGet.map((key) => found.get(key)),
      }
    },

    // The connection is the database's.
    async close() {},
  }
}

function late(limitMs: number): Error {
  return new Error(`PostgreSQL, the state store here, did not answer within ${limitMs} ms`)
}

type Row = Readonly<Record<string, unknown>>

function valuesByKey(rows: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(rows.map((row) => [String(row['key']), decoded(row['value'])]))
}

function consumption(row: Row): Consumption {
  return {
    allowed: row['allowed'] === true,
    remaining: Number(row['remaining']),
    retryAfterMs: Math.ceil(Number(row['retry_us']) / 1_000),
    resetMs: Math.ceil(Number(row['reset_us']) / 1_000),
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Values are bytes in the database, because its text cannot hold U+0000. */
function decoded(value: unknown): string {
  if (!(value instanceof Uint8Array)) throw new TypeError('Cannot read state: the column value must be bytea')
  return new TextDecoder().decode(value)
}
