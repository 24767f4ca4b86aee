import type { Selectable } from 'kysely'
import type { Database, Queries } from '#shared/db/database.ts'

export interface OutboxTable {
  /** UUIDv7; receivers know the message by it, whatever the attempt. */
  id: string
  /** Dotted, as `order.paid`. */
  topic: string
  /** Name of where it goes. */
  target: string
  /** JSON. */
  payload: string
  /** A message that somebody is delivering is `waiting`, too: its time is only later. So no crash needs mending. */
  state: 'waiting' | 'done' | 'dead'
  due_at: Date
  /** Rises with every lease; only who holds the latest may say what became of the message. */
  lease_epoch: number
  attempts: number
  last_error: string | null
  /** Of the call that it came about in. */
  request_id: string | null
  created_at: Date
  done_at: Date | null
}

export type OutboxRow = Selectable<OutboxTable>

export async function insertMessages(
  sql: Queries,
  rows: readonly OutboxRow[],
  signal: AbortSignal,
): Promise<void> {
  if (rows.length > 0) await sql.insertInto('outbox').values(rows).execute({ signal })
}

export interface Lease {
  readonly now: Date
  /** When others may take the messages. */
  readonly until: Date
  readonly limit: number
  /** Whose messages; those for others are theirs to deliver who know them. */
  readonly targets: readonly string[]
}

/** Takes messages that are due, as many as `limit`; those that another worker is just taking are passed over. */
export async function leaseMessages(
  { sql, dialect }: { readonly sql: Queries; readonly dialect: Database['dialect'] },
  lease: Lease,
  signal: AbortSignal,
): Promise<OutboxRow[]> {
  return dialect === 'postgres' ? leaseAtOnce(sql, lease, signal) : leaseInTwo(sql, lease, signal)
}

function due(sql: Queries, { now, limit, targets }: Lease) {
  return sql
    .selectFrom('outbox')
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now)
    .where('target', 'in', targets)
    .orderBy('due_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
}

function leaseAtOnce(sql: Queries, lease: Lease, signal: AbortSignal): Promise<OutboxRow[]> {
  return sql
    .with('taken', () => due(sql, lease).select('id'))
    .updateTable('outbox')
    .from('taken')
    .set((column) => ({
      due_at: lease.until,
      lease_epoch: column('outbox.lease_epoch', '+', 1),
      attempts: column('outbox.attempts', '+', 1),
    }))
    .whereRef('outbox.id', '=', 'taken.id')
    .returningAll('outbox')
    .execute({ signal })
}

/** MySQL updates without telling what. */
function leaseInTwo(sql: Queries, lease: Lease, signal: AbortSignal): Promise<OutboxRow[]> {
  return sql
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (own) => {
      const rows = await due(own, lease).selectAll().execute({ signal })
      if (rows.length === 0) return []
      await own
        .updateTable('outbox')
        .set((column) => ({
          due_at: lease.until,
          lease_epoch: column('lease_epoch', '+', 1),
          attempts: column('attempts', '+', 1),
        }))
        .where(
          'id',
          'in',
          rows.map(({ id }) => id),
        )
        .execute({ signal })
      return rows.map((row) => ({
        ...row,
        due_at: lease.until,
        lease_epoch: row.lease_epoch + 1,
        attempts: row.attempts + 1,
      }))
    })
}

/** What became of messages. Those that somebody else has leased since are left as they are. */
export async function settleMessages(
  sql: Queries,
  rows: readonly Pick<OutboxRow, 'id' | 'lease_epoch'>[],
  change: Pick<OutboxRow, 'state' | 'last_error' | 'done_at'> &
    Partial<Pick<OutboxRow, 'due_at' | 'attempts'>>,
  signal: AbortSignal,
): Promise<void> {
  for (const epoch of new Set(rows.map(({ lease_epoch: each }) => each))) {
    const ids = rows.filter((row) => row.lease_epoch === epoch).map(({ id }) => id)
    await sql
      .updateTable('outbox')
      .set(change)
      .where('id', 'in', ids)
      .where('lease_epoch', '=', epoch)
      .where('state', '=', 'waiting')
      .execute({ signal })
  }
}

export interface DeadPage {
  readonly topic?: string | undefined
  readonly target?: string | undefined
  readonly beforeId?: string | undefined
  readonly limit: number
}

/** Messages that nobody tries to deliver any more, newest first. */
export function listDeadMessages(
  sql: Queries,
  { topic, target, beforeId, limit }: DeadPage,
  signal: AbortSignal,
): Promise<OutboxRow[]> {
  let dead = sql.selectFrom('outbox').selectAll().where('state', '=', 'dead')
  if (topic !== undefined) dead = dead.where('topic', '=', topic)
  if (target !== undefined) dead = dead.where('target', '=', target)
  if (beforeId !== undefined) dead = dead.where('id', '<', beforeId)
  return dead.orderBy('id', 'desc').limit(limit).execute({ signal })
}

/** Gives dead messages all their attempts again, from now on. How many there were among these. */
export async function redriveMessages(
  sql: Queries,
  { ids, now }: { readonly ids: readonly string[]; readonly now: Date },
  signal: AbortSignal,
): Promise<number> {
  if (ids.length === 0) return 0
  const result = await sql
    .updateTable('outbox')
    .set({ state: 'waiting', due_at: now, attempts: 0 })
    .where('id', 'in', ids)
    .where('state', '=', 'dead')
    .executeTakeFirst({ signal })
  return Number(result.numUpdatedRows)
}

/** Messages that arrived. */
export async function listDoneBefore(
  sql: Queries,
  { before, limit }: { readonly before: Date; readonly limit: number },
  signal: AbortSignal,
): Promise<{ id: string }[]> {
  return sql
    .selectFrom('outbox')
    .select('id')
    .where('created_at', '<', before)
    .where('state', '=', 'done')
    .limit(limit)
    .execute({ signal })
}
