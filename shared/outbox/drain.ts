import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { leaseMessages, type OutboxRow } from '#shared/db/tables/outbox.ts'
import { deadline } from '#shared/deadline.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { noTrace, type Tracer } from '#shared/telemetry/tracer.ts'
import { createOutcomeRecorder, type Outcome } from './outcome-recorder.ts'
import type { Schedule } from './schedule.ts'

/** Takes one message to where it goes. It may come again, with the same id. A failure is tried again later, but for a `FinalFailure`. */
export type Deliver = (message: OutboxRow, signal: AbortSignal) => Promise<void>

export interface DrainOptions {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  /** By the names that messages have as `target`. */
  readonly targets: Readonly<Record<string, Deliver>>
  readonly schedule: Schedule
  /** Follows deliveries; nobody does unless given. */
  readonly tracer?: Tracer | undefined
  /** Messages taken at a time, and delivered side by side; 50 unless given. */
  readonly batch?: number
}

export interface Drained {
  readonly done: number
  readonly failed: number
  readonly dead: number
}

/** Longest time for one delivery. */
const DELIVERY_MS = 10_000
/** Longer than a batch takes: nobody else delivers it meanwhile, unless we have died. */
const LEASE_MS = 60_000

/**
 * Delivers what is due, batch after batch, until nothing is left or `signal` ends. At least once each: who dies between
 * a delivery and its record has it delivered again. May run any number of times at once.
 */
export async function drain(options: DrainOptions, signal: AbortSignal): Promise<Drained> {
  const { database, clock, batch = 50 } = options
  const targets = Object.keys(options.targets)
  const recorder = createOutcomeRecorder(options)
  if (targets.length === 0) return recorder.sum
  const sql = await database.sql()
  while (!signal.aborted) {
    const now = clock()
    const lease = { now: new Date(now), until: new Date(now + LEASE_MS), limit: batch, targets }
    const rows = await leaseMessages({ sql, dialect: database.dialect }, lease, signal)
    const limit = deadline(DELIVERY_MS, signal)
    const deliveries = rows.map(async (row) => recorder.record(await delivered(options, row, limit.signal)))
    await Promise.all(deliveries).finally(limit.end)
    if (rows.length < batch) break
  }
  return recorder.sum
}

async function delivered(options: DrainOptions, row: OutboxRow, signal: AbortSignal): Promise<Outcome> {
  const { targets, tracer = noTrace } = options
  const attributes = {
    'messaging.destination.name': row.target,
    'messaging.message.id': row.id,
    'xiaohan.attempt': row.attempts,
    // Of the call that the message came about in: by it the trace of that call and this one are found together.
    'xiaohan.request_id': row.request_id ?? '',
  }
  try {
    const deliver = Object.hasOwn(targets, row.target) ? targets[row.target] : undefined
    if (deliver === undefined) throw new TypeError(`There is no target ${row.target}`)
    await tracer.span(`deliver ${row.topic}`, attributes, () => deliver(row, signal))
    return { row }
  } catch (error) {
    return { row, error }
  }
}
