import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { leaseMessages, type OutboxRow, settleMessages } from '#shared/db/tables/outbox.ts'
import { within } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { neverSent } from '#shared/outbound/call-error.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { noTrace, type Tracer } from '#shared/telemetry/tracer.ts'
import { FinalFailure } from './final-failure.ts'
import { nextWaitMs, type Schedule } from './schedule.ts'

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
const RECORD_MS = 2_000
const MAX_ERROR_CHARS = 255

/**
 * Delivers what is due, batch after batch, until nothing is left or `signal` ends. At least once each: who dies between
 * a delivery and its record has it delivered again. May run any number of times at once.
 */
export async function drain(options: DrainOptions, signal: AbortSignal): Promise<Drained> {
  const { database, clock, batch = 50 } = options
  const targets = Object.keys(options.targets)
  const sum = { done: 0, failed: 0, dead: 0 }
  if (targets.length === 0) return sum
  const sql = await database.sql()
  while (!signal.aborted) {
    const now = clock()
    const lease = { now: new Date(now), until: new Date(now + LEASE_MS), limit: batch, targets }
    const rows = await leaseMessages({ sql, dialect: database.dialect }, lease, signal)
    const limit = within(DELIVERY_MS, signal)
    const outcomes = await Promise.all(rows.map((row) => delivered(options, row, limit)))
    // Also when the time is over: what has arrived must not arrive again.
    const counts = await record(options, outcomes, AbortSignal.timeout(RECORD_MS))
    sum.done += counts.done
    sum.failed += counts.failed
    sum.dead += counts.dead
    if (rows.length < batch) break
  }
  return sum
}

interface Outcome {
  readonly row: OutboxRow
  /** Undefined for a message that has arrived. */
  readonly error?: unknown
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

async function record(
  options: DrainOptions,
  outcomes: readonly Outcome[],
  signal: AbortSignal,
): Promise<Drained> {
  const { database, clock } = options
  const sql = await database.sql()
  const arrived = outcomes.filter(({ error }) => error === undefined).map(({ row }) => row)
  const done = { state: 'done', last_error: null, done_at: new Date(clock()) } as const
  await settleMessages(sql, arrived, done, signal)
  let dead = 0
  const failures = outcomes.filter(({ error }) => error !== undefined)
  for (const { row, error } of failures) if (!(await postponed(options, { row, error }, signal))) dead++
  return { done: arrived.length, failed: failures.length - dead, dead }
}

/** Whether the message will be tried again. */
async function postponed(
  { database, clock, logger, schedule }: DrainOptions,
  { row, error }: Outcome,
  signal: AbortSignal,
): Promise<boolean> {
  const retryAfterS = error instanceof Fault ? error.retryAfterS : undefined
  const isFinal = error instanceof FinalFailure
  const isUntried = !isFinal && error instanceof Fault && error.error === 'unavailable' && neverSent(error)
  // What was not even tried, since its host did not answer a moment ago, has used up no attempt.
  const attempts = isUntried ? row.attempts - 1 : row.attempts
  const waitMs = isFinal ? undefined : nextWaitMs(schedule, Math.max(1, attempts), retryAfterS)
  const facts = { messageId: row.id, topic: row.topic, target: row.target, attempts: row.attempts }
  const sql = await database.sql()
  const lastError = errorLine(error)
  if (waitMs === undefined) {
    // Somebody who wants no messages is no mistake of anybody's.
    logger[isFinal ? 'warn' : 'error']('outbox.dead', { ...facts, requestId: row.request_id, cause: error })
    await settleMessages(sql, [row], { state: 'dead', last_error: lastError, done_at: null }, signal)
    return false
  }
  logger.warn('outbox.failed', { ...facts, requestId: row.request_id, nextInS: waitMs / 1_000, cause: error })
  const later = {
    state: 'waiting',
    last_error: lastError,
    done_at: null,
    attempts,
    due_at: new Date(clock() + waitMs),
  } as const
  await settleMessages(sql, [row], later, signal)
  return true
}

/** The innermost reason: what is around it says only that a delivery failed, but where it says why it is the last. */
function errorLine(error: unknown): string {
  let inner = error
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause
  const reason = inner instanceof Error ? inner.message : String(inner)
  const isExplained = error instanceof FinalFailure && inner !== error
  return (isExplained ? `${error.message}: ${reason}` : reason).slice(0, MAX_ERROR_CHARS)
}
